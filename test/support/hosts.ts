/**
 * Hosts of their own on one machine: network namespaces, joined by a router in one more, through
 * which every byte between them passes and where it can be looked at. Each lives as long as a
 * process that waits for this one; the network of the machine is not touched.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cleanUp, type Owner } from './cleanup.ts';
import { Events } from './events.ts';
import { eachLine } from './run-process.ts';

export interface Host {
  /** Where the others reach it. */
  readonly ip: string;
  readonly ip6: string;
  /** The file of its network namespace. */
  readonly namespace: string;
  /** Words that run a command there. */
  readonly inside: readonly string[];
}

export interface Hosts {
  readonly hosts: readonly Host[];
  /** Resolves when whatever crosses from one host to another is looked at for these words. */
  watch(...words: readonly string[]): Promise<Wiretap>;
}

interface Wiretap {
  /** Resolves when this word has passed in plaintext. */
  until(word: string): Promise<unknown>;
  /** What has passed of the words. */
  readonly seen: readonly string[];
}

/** Why there can be none here, as a test is skipped with; null where there can. */
export function whyNoHosts(): string | null {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  for (const program of ['ip', 'unshare', 'nsenter', 'python3']) {
    if (spawnSync(program, ['--version']).error !== undefined) return `needs ${program}`;
  }
  const { status, stderr } = spawnSync('unshare', ['--net', 'true'], { encoding: 'utf8' });
  return status === 0 ? null : `no network namespace here: ${stderr.trim()}`;
}

export async function startHosts(t: Owner, count: number): Promise<Hosts> {
  const router = await startNamespace(t);
  runOn(router, 'ip link set lo up && echo 1 > /proc/sys/net/ipv4/ip_forward');
  runOn(router, `${noDad} && echo 1 > /proc/sys/net/ipv6/conf/all/forwarding`);
  const hosts: Host[] = [];
  for (let index = 1; index <= count; index++) {
    const host = await startNamespace(t);
    runOn(host, noDad);
    const [ip, way] = [`10.77.${index}.2`, `10.77.${index}.1`];
    const [ip6, way6] = [`fd77:${index}::2`, `fd77:${index}::1`];
    runOn(
      router,
      `ip link add host${index} type veth peer name eth0 netns ${host.pid}` +
        ` && ip addr add ${way}/24 dev host${index}` +
        ` && ip addr add ${way6}/64 dev host${index} nodad && ip link set host${index} up`,
    );
    runOn(
      host,
      `ip link set lo up && ip addr add ${ip}/24 dev eth0` +
        ` && ip addr add ${ip6}/64 dev eth0 nodad && ip link set eth0 up` +
        ` && ip route add default via ${way} && ip route add default via ${way6}`,
    );
    hosts.push({ ip, ip6, namespace: host.namespace, inside: host.inside });
  }
  return { hosts, watch: (...words) => startWiretap(t, router, words) };
}

interface Namespace extends Pick<Host, 'namespace' | 'inside'> {
  /** Of a process in it, which ends with this one. */
  readonly pid: number;
}

async function startNamespace(t: Owner): Promise<Namespace> {
  const holder = spawn('unshare', ['--net', 'sh', '-c', 'echo there && exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  endWith(t, holder);
  await once(holder.stdout, 'data');
  const { pid = 0 } = holder;
  const namespace = `/proc/${pid}/ns/net`;
  return { pid, namespace, inside: ['nsenter', `--net=${namespace}`, '--'] };
}

function endWith(t: Owner, child: ChildProcess): void {
  const ended = once(child, 'close');
  cleanUp(t, async () => {
    child.kill('SIGKILL');
    await ended;
  });
}

/** The output of a command of the shell. */
export function runOn({ inside }: Pick<Host, 'inside'>, command: string): string {
  const [program, ...args] = [...inside, 'sh', '-c', command];
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
}

async function startWiretap(
  t: Owner,
  router: Namespace,
  words: readonly string[],
): Promise<Wiretap> {
  const events = new Events();
  const [program, ...args] = [...router.inside, 'python3', '-u', '-c', wiretap, ...words];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  eachLine(child.stdout, events.add);
  endWith(t, child);
  await events.until('ready');
  return {
    until: (word) => events.until(word),
    get seen() {
      return events.all.slice(1);
    },
  };
}

/** Addresses are of use at once, not when nobody has objected for a second. */
const noDad = 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad';

/** All packets of all interfaces; a word is short enough to be within one. */
const wiretap = `
import socket, sys
words = [word.encode() for word in sys.argv[1:]]
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
print('ready')
while True:
    packet = tap.recv(1 << 17)
    for word in words:
        if word in packet:
            print(word.decode())
`;
