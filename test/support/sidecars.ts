/**
 * Pods with sidecars as Kubernetes would make them, without it: each is a network namespace, in
 * which the image's own programs write the rules and run the proxy, by chroot into its root file
 * system, read-only and as the image's user, with the environment that Linkerd's injector writes.
 * `heddle up` is their control plane, on a host of its own. In a pod's proxy container there may be
 * another program that takes this environment: Linkerd's proxy.
 */

import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepareIdentity } from '../../workers/prepare-identity.ts';
import type { Owner } from './cleanup.ts';
import { type Host, type Hosts, startHosts, whyNoHosts } from './hosts.ts';
import { launchWords, makeFolder, type ProxyProcess, startUp } from './process.ts';
import { makeRootfs, whyNoRootfs } from './rootfs.ts';
import { runCommand } from './run-process.ts';

interface Sidecar {
  readonly host: Host;
  readonly identity: string;
  /** The newest. */
  readonly proxy: ProxyProcess;
  /** Another one with the same folders, as when its container is restarted. */
  restart(): Promise<ProxyProcess>;
}

type PodName = 'web' | 'client';

interface SidecarMesh {
  readonly control: ProxyProcess;
  readonly controlHost: Host;
  readonly web: Sidecar;
  readonly client: Sidecar;
  /** A host without a proxy. */
  readonly outside: Host;
  readonly watch: Hosts['watch'];
}

interface SidecarOptions {
  /** In `LINKERD2_PROXY_` variables, without that. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Arguments of our proxies, which come before what the environment says. */
  readonly flags?: readonly string[];
  /** A path: what runs in these pods as `/usr/lib/linkerd/linkerd2-proxy`, without arguments. */
  readonly linkerd?: { readonly program: string; readonly pods: readonly PodName[] };
  /** Arguments of the init container beside the usual ones. */
  readonly init?: readonly string[];
}

/** Stand for service `web`, which is in its pod; each port is also one of the service. */
export const webIp = '10.96.0.10';
const webIp6 = 'fd96::10';

/** Why there can be none, as a test is skipped with; null where there can. */
export function whyNoSidecars(): string | null {
  return whyNoHosts() ?? whyNoRootfs();
}

export async function startSidecars(t: Owner, options: SidecarOptions = {}): Promise<SidecarMesh> {
  const rootfs = makeRootfs();
  const network = await startHosts(t, 4);
  const [controlHost, webHost, clientHost, outside] = network.hosts;
  const control = await startControl(t, controlHost, webHost);
  const mesh = { t, rootfs, control, controlHost, options };
  const [web, client] = await Promise.all([
    startSidecar(mesh, 'web', webHost),
    startSidecar(mesh, 'client', clientHost),
  ]);
  return {
    control,
    controlHost,
    web,
    client,
    outside,
    watch: (...words) => network.watch(...words),
  };
}

function startControl(t: Owner, host: Host, web: Host): Promise<ProxyProcess> {
  const service = (port: number, protocol: string) => ({
    port,
    protocol,
    clusterIps: [webIp, webIp6],
    endpoints: [{ address: `${web.ip}:${port}`, identity: identityOf('web'), inboundPort: 4143 }],
  });
  const services = {
    web: service(8080, 'auto'),
    'web-h2': service(8081, 'auto'),
    'web-tcp': service(9000, 'opaque'),
    'web-first': service(9001, 'opaque'),
  };
  const address = `${host.ip}:8086`;
  const args = ['--listen', '0.0.0.0:8086', '--advertise', address];
  return startUp(t, JSON.stringify({ services }), { inside: host.inside, args });
}

interface Mesh {
  readonly t: Owner;
  readonly rootfs: string;
  readonly control: ProxyProcess;
  readonly controlHost: Host;
  readonly options: SidecarOptions;
}

async function startSidecar(mesh: Mesh, service: PodName, host: Host): Promise<Sidecar> {
  const { t, rootfs, control, options } = mesh;
  const folders = makeFolder(t);
  for (const name of ['end-entity', 'tokens']) mkdirSync(join(folders, name));
  chownSync(join(folders, 'end-entity'), proxyUser, proxyUser);
  const state = ['--state-dir', join(control.folder, 'state')];
  const { out: token } = await runCommand(['token', 'create', '--service', service, ...state]);
  writeFileSync(join(folders, 'tokens', 'linkerd-identity-token'), token.trim());
  runInit(host, rootfs, folders, options.init ?? []);
  const environment = environmentOf(mesh, service, host);
  const start = async (): Promise<ProxyProcess> => {
    const { linkerd, flags = [] } = options;
    const program = linkerd?.pods.includes(service) === true ? linkerd.program : '';
    if (program !== '') await prepareKey(join(folders, 'end-entity'), environment);
    const command =
      program === '' ? ['/usr/lib/linkerd/linkerd2-proxy-identity', ...flags] : [linkerdPath];
    const words = inContainer(host, rootfs, folders, proxyUser, command, program);
    const proxy = launchWords(t, words, folders, environment);
    await proxy.untilSaid(program === '' ? 'heddle: ready' : 'Certified identity');
    return proxy;
  };
  let newest = await start();
  return {
    host,
    identity: identityOf(service),
    get proxy() {
      return newest;
    },
    restart: async () => {
      newest = await start();
      return newest;
    },
  };
}

/** What Linkerd's entry point makes, and ours as well, for a program that expects it. */
async function prepareKey(folder: string, environment: Record<string, string>): Promise<void> {
  const { LINKERD2_PROXY_IDENTITY_DIR: _, ...others } = environment;
  const problem = await prepareIdentity({ ...others, LINKERD2_PROXY_IDENTITY_DIR: folder });
  if (problem !== '') throw new Error(problem);
  for (const name of ['key.p8', 'csr.der']) chownSync(join(folder, name), proxyUser, proxyUser);
}

/** With the arguments that Linkerd's injector writes. */
function runInit(host: Host, rootfs: string, folders: string, more: readonly string[]): void {
  const [program, ...args] = inContainer(host, rootfs, folders, initUser, [
    '/usr/lib/linkerd/linkerd2-proxy-init',
    ...initArguments.split(' '),
    ...more,
  ]);
  // What it says is in the error.
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: usualPath });
}

function environmentOf(mesh: Mesh, service: string, host: Host): Record<string, string> {
  const { control, controlHost, options } = mesh;
  const controller = { ADDR: `${controlHost.ip}:8086`, NAME: controlName };
  const workload = JSON.stringify({ ns: 'default', pod: `${service}-1` });
  const variables: Record<string, string> = {
    LOG: 'warn,linkerd=info,hickory=error',
    LOG_FORMAT: 'plain',
    DESTINATION_SVC_ADDR: controller.ADDR,
    DESTINATION_SVC_NAME: controller.NAME,
    POLICY_SVC_ADDR: controller.ADDR,
    POLICY_SVC_NAME: controller.NAME,
    POLICY_WORKLOAD: workload,
    POLICY_CLUSTER_NETWORKS: '10.0.0.0/8,fd00::/8',
    OUTBOUND_LISTEN_ADDRS: '127.0.0.1:4140,[::1]:4140',
    INBOUND_LISTEN_ADDR: '[::]:4143',
    CONTROL_LISTEN_ADDR: '[::]:4190',
    ADMIN_LISTEN_ADDR: '[::]:4191',
    INBOUND_CONNECT_TIMEOUT: '100ms',
    OUTBOUND_CONNECT_TIMEOUT: '1000ms',
    INBOUND_ACCEPT_KEEPALIVE: '10000ms',
    OUTBOUND_CONNECT_KEEPALIVE: '10000ms',
    INBOUND_ACCEPT_USER_TIMEOUT: '30s',
    OUTBOUND_CONNECT_USER_TIMEOUT: '30s',
    INBOUND_IPS: `${host.ip},${host.ip6}`,
    INBOUND_PORTS: '8080,8081,9000,9001',
    INBOUND_DEFAULT_POLICY: 'all-unauthenticated',
    DESTINATION_CONTEXT: workload,
    DESTINATION_PROFILE_SUFFIXES: 'svc.cluster.local.',
    DESTINATION_PROFILE_NETWORKS: '10.0.0.0/8,fd00::/8',
    IDENTITY_DIR: '/var/run/linkerd/identity/end-entity',
    IDENTITY_TRUST_ANCHORS: readFileSync(
      join(control.folder, 'state', 'identity', 'bundle.crt'),
      'utf8',
    ),
    IDENTITY_TOKEN_FILE: '/var/run/secrets/tokens/linkerd-identity-token',
    IDENTITY_SVC_ADDR: controller.ADDR,
    IDENTITY_SVC_NAME: controller.NAME,
    IDENTITY_LOCAL_NAME: identityOf(service),
    ...options.environment,
  };
  const prefixed = Object.entries(variables).map(
    ([name, value]) => [`LINKERD2_PROXY_${name}`, value] as const,
  );
  return { ...usualPath, ...Object.fromEntries(prefixed) };
}

/** Words that run these ones as a container of the pod; `program` is put at its place there. */
function inContainer(
  host: Host,
  rootfs: string,
  folders: string,
  user: number,
  words: readonly string[],
  program = '',
): string[] {
  const enter = [...host.inside, 'unshare', '--mount', 'sh', '-c', enterRootfs, 'sh'];
  return [...enter, rootfs, folders, `${user}:${user}`, program, ...words];
}

function identityOf(service: string): string {
  return `${service}.default.serviceaccount.identity.heddle.mesh.local`;
}

/** What container runtimes set. */
const usualPath = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
const controlName = 'heddle-control.heddle.serviceaccount.identity.heddle.mesh.local';
const proxyUser = 2102;
const initArguments =
  '--firewall-bin-path iptables-nft --firewall-save-bin-path iptables-nft-save ' +
  `--incoming-proxy-port 4143 --outgoing-proxy-port 4140 --proxy-uid ${proxyUser} ` +
  '--inbound-ports-to-ignore 4190,4191,4567,4568 --outbound-ports-to-ignore 4567,4568';
const linkerdPath = '/usr/lib/linkerd/linkerd2-proxy';
const initUser = 65_534;

/**
 * Words: root file system, folders of the pod, user, what is linkerd2-proxy or nothing, program.
 * What it mounts ends with it. Linkerd's proxy logs to the standard output.
 */
const enterRootfs = `
set -e
root=$1 folders=$2 user=$3 program=$4
shift 4
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir -p "$root/run/linkerd/identity/end-entity" "$root/run/secrets/tokens"
mount --bind "$folders/end-entity" "$root/run/linkerd/identity/end-entity"
mount --bind -o ro "$folders/tokens" "$root/run/secrets/tokens"
[ -z "$program" ] || mount --bind "$program" "$root${linkerdPath}"
exec chroot --userspec="$user" --groups= "$root" "$@" >&2
`;
