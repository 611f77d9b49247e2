/**
 * Pods with sidecars as Kubernetes would make them, without it: each is a network namespace, in
 * which the image's own programs write the rules and run the proxy (`containers.ts`), with the
 * environment that Linkerd's injector writes (`injected.ts`). `heddle up` is their control plane,
 * on a host of its own. In place of our proxy there may be another one that takes this environment.
 */

import assert from 'node:assert/strict';
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepareIdentity } from '../../workers/prepare-identity.ts';
import type { Owner } from './cleanup.ts';
import { createPod, type Pod, paths, startContainer, users } from './containers.ts';
import { type Host, type Hosts, startHosts, whyNoHosts } from './hosts.ts';
import { injectedEnvironment, injectedInit } from './injected.ts';
import { makeFolder, type ProxyProcess, startUp } from './process.ts';
import { whyNoRootfs } from './rootfs.ts';
import { runCommand } from './run-process.ts';

type Variables = Readonly<Record<string, string>>;

export interface Sidecar {
  readonly host: Host;
  readonly pod: Pod;
  readonly identity: string;
  /** The newest that was started. */
  readonly proxy: ProxyProcess;
  /** The init container; throws when it fails. */
  init(args?: readonly string[]): Promise<void>;
  /** The proxy's container, with variables beside the usual ones; does not wait. */
  launch(environment?: Variables): ProxyProcess;
  /** The same, when it is ready; after an end it is as when the container is restarted. */
  start(environment?: Variables): Promise<ProxyProcess>;
}

export interface SidecarMesh {
  readonly control: ProxyProcess;
  readonly controlHost: Host;
  /** In the order of the options. */
  readonly pods: readonly Sidecar[];
  /** A host without a proxy. */
  readonly outside: Host;
  readonly watch: Hosts['watch'];
  /** From now on these are the endpoints of the services. */
  readonly announce: (...webs: readonly Sidecar[]) => void;
}

interface SidecarOptions {
  /** The service of each pod; those of `web` are its endpoints. */
  readonly pods?: readonly string[];
  /** Of pods without rules and proxy, which the test starts: their services. */
  readonly bare?: readonly string[];
  /** In `LINKERD2_PROXY_` variables, without that. */
  readonly environment?: Variables;
  /** Arguments of our proxies, which come before what the environment says. */
  readonly flags?: readonly string[];
  /** Of Kubernetes, as the control plane reads them; the endpoints are the pods of `web`. */
  readonly manifests?: (webs: readonly Host[]) => string;
  /** A path: what runs in the pods of these services, without arguments, in place of ours. */
  readonly linkerd?: { readonly program: string; readonly services: readonly string[] };
}

/** Stand for the pods of `web`, by their addresses of the same family. */
export const webIp = '10.96.0.10';
export const webIp6 = 'fd96::10';

/** Why there can be none, as a test is skipped with; null where there can. */
export function whyNoSidecars(): string | null {
  return whyNoHosts() ?? whyNoRootfs();
}

export async function startSidecars(t: Owner, options: SidecarOptions = {}): Promise<SidecarMesh> {
  const { pods: services = ['web', 'client'], bare = [] } = options;
  const all = [...services, ...bare];
  const network = await startHosts(t, all.length + 2);
  const [controlHost, outside, ...hosts] = network.hosts;
  const webHosts = hosts.filter((_, index) => all[index] === 'web');
  const control = await startControl(t, controlHost, webHosts, options.manifests?.(webHosts));
  const mesh = { t, control, controlHost, options };
  const pods = await Promise.all(
    all.map(async (service, index) => {
      const pod = await createSidecar(mesh, service, hosts[index]);
      if (index >= services.length) return pod;
      await pod.init();
      await pod.start();
      return pod;
    }),
  );
  return {
    control,
    controlHost,
    pods,
    outside,
    watch: (...words) => network.watch(...words),
    announce: (...webs) => control.write(describeServices(webs.map(({ host }) => host))),
  };
}

function startControl(
  t: Owner,
  host: Host,
  webs: readonly Host[],
  manifests = '',
): Promise<ProxyProcess> {
  const address = `${host.ip}:8086`;
  const args = ['--listen', '0.0.0.0:8086', '--advertise', address];
  const folder = makeFolder(t);
  mkdirSync(join(folder, 'mesh.d'));
  writeFileSync(join(folder, 'mesh.d/pods.yaml'), manifests);
  const options = { inside: host.inside, args, folder };
  return startUp(t, describeServices(webs, manifests !== ''), options);
}

function describeServices(webs: readonly Host[], hasManifests = false): string {
  const identity = identityOf('web');
  const services = Object.entries(ports).flatMap(([name, [port, protocol]]) =>
    [webIp, webIp6].map((clusterIp) => {
      const isSix = clusterIp === webIp6;
      const endpoints = webs.map(({ ip, ip6 }) => ({
        address: isSix ? `[${ip6}]:${port}` : `${ip}:${port}`,
        identity,
        inboundPort: 4143,
      }));
      return [
        `${name}${isSix ? '-6' : ''}`,
        { port, protocol, clusterIps: [clusterIp], endpoints },
      ];
    }),
  );
  const manifests = hasManifests ? { manifests: './mesh.d' } : {};
  return JSON.stringify({ services: Object.fromEntries(services), ...manifests });
}

interface Mesh {
  readonly t: Owner;
  readonly control: ProxyProcess;
  readonly controlHost: Host;
  readonly options: SidecarOptions;
}

async function createSidecar(mesh: Mesh, service: string, host: Host): Promise<Sidecar> {
  const { t, control, controlHost, options } = mesh;
  const pod = createPod(t, host);
  const folder = join(control.folder, 'state');
  const creating = ['token', 'create', '--service', service, '--state-dir', folder];
  const { out: token } = await runCommand(creating);
  writeFileSync(join(pod.folders, 'tokens/linkerd-identity-token'), token.trim());
  const identity = identityOf(service);
  const usual = injectedEnvironment({
    service,
    ips: [host.ip, host.ip6],
    controller: [`${controlHost.ip}:8086`, controlName],
    trustAnchors: readFileSync(join(folder, 'identity/bundle.crt'), 'utf8'),
    identity,
    more: options.environment ?? {},
  });
  let newest: ProxyProcess | null = null;
  const { flags = [], linkerd } = options;
  const program = linkerd?.services.includes(service) === true ? linkerd.program : '';
  const words = program === '' ? [paths.proxy, ...flags] : [paths.linkerd];
  const launch = (more: Variables = {}): ProxyProcess => {
    const environment = { ...usual, ...more };
    newest = startContainer(t, pod, { user: users.proxy, words, program, environment });
    return newest;
  };
  return {
    host,
    pod,
    identity,
    get proxy() {
      assert.ok(newest !== null, 'no proxy has been started');
      return newest;
    },
    init: async (args = injectedInit) => {
      const { ended } = startContainer(t, pod, { user: users.init, words: [paths.init, ...args] });
      const { code, said } = await ended;
      assert.equal(code, 0, said);
    },
    launch,
    start: async (environment) => {
      if (program !== '') await prepareKey(join(pod.folders, 'end-entity'), usual);
      const proxy = launch(environment);
      await proxy.untilSaid(program === '' ? 'heddle: ready' : 'Certified identity');
      return proxy;
    },
  };
}

/** What Linkerd's entry point makes, and ours as well, for a program that expects it. */
async function prepareKey(folder: string, environment: Variables): Promise<void> {
  const problem = await prepareIdentity({ ...environment, LINKERD2_PROXY_IDENTITY_DIR: folder });
  assert.equal(problem, '');
  for (const name of ['key.p8', 'csr.der']) chownSync(join(folder, name), users.proxy, users.proxy);
}

/** The names of the services, by what is behind them in the application (`pod-application.ts`). */
const ports = {
  web: [8080, 'auto'],
  'web-h2': [8081, 'auto'],
  'web-grpc': [8082, 'grpc'],
  'web-tcp': [9000, 'opaque'],
  'web-first': [9001, 'opaque'],
} as const;

function identityOf(service: string): string {
  return `${service}.default.serviceaccount.identity.heddle.mesh.local`;
}

const controlName = 'heddle-control.heddle.serviceaccount.identity.heddle.mesh.local';
