/**
 * Two pods as hosts of their own (`hosts.ts`): in one an application without a mesh, in the other a
 * proxy and rules, written by hand, that send through it whatever the pod says and hears.
 */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { cleanUp } from './cleanup.ts';
import { Events } from './events.ts';
import { type Host, runOn, startHosts, whyNoHosts } from './hosts.ts';
import type { Kind, LoadReport } from './pod-load.ts';
import { type ProxyProcess, startProxy } from './process.ts';
import { eachLine, runProgram } from './run-process.ts';

export type RuleKind = 'iptables-legacy' | 'iptables-nft' | 'nft' | 'tproxy';

/** A process of a pod that has no part in the mesh. */
interface PodApplication {
  readonly events: Events;
  readonly ended: Promise<readonly [code: number | null]>;
  signal(name: NodeJS.Signals): void;
}

interface Pods {
  /** With proxy and rules. */
  readonly meshed: Host;
  readonly plain: Host;
  readonly proxy: ProxyProcess;
  readonly ask: typeof askPod;
}

/** Why there can be none with these rules, as a test is skipped with; null where there can. */
export function whyNoPods(...kinds: readonly RuleKind[]): string | null {
  const why = whyNoHosts();
  if (why !== null) return why;
  for (const program of ['setpriv', ...kinds.flatMap((kind) => programsOf[kind])]) {
    if (spawnSync(program, ['--version']).error !== undefined) return `needs ${program}`;
  }
  return null;
}

/** `settings`: lines of the section `proxy`; `without`: words of rules that are left out. */
export async function startPods(
  t: TestContext,
  kind: RuleKind,
  settings: readonly string[] = [],
  without: readonly string[] = [],
): Promise<Pods> {
  const { hosts } = await startHosts(t, 2);
  const [meshed, plain] = hosts;
  for (const rule of rules[kind]) {
    if (!without.some((words) => rule.includes(words))) runOn(meshed, rule);
  }
  const yaml = [
    'proxy:',
    '  outbound: 127.0.0.1:4140',
    "  outboundSecond: '[::1]:4140'",
    "  inbound: '[::]:4143'",
    "  admin: '[::]:4191'",
    `  originalDestination: ${kind === 'tproxy' ? 'tproxy' : 'redirect'}`,
    '  workers: 1',
    ...settings.map((line) => `  ${line}`),
    '',
  ];
  const asProxy = ['setpriv', `--regid=${proxyGroup}`, '--clear-groups', '--'];
  const proxy = await startProxy(t, yaml.join('\n'), {
    inside: [...meshed.inside, ...asProxy],
  });
  for (const host of hosts) await servePod(t, host);
  return { meshed, plain, proxy, ask: askPod };
}

/** What `pod-program.ts` is asked to do on a host, one after another; resolves with its lines. */
export async function askPod(
  host: Pick<Host, 'inside'>,
  ...tasks: readonly string[]
): Promise<readonly string[]> {
  const words = tasks.join(' -- ').split(' ');
  const { out, err } = await runProgram([...host.inside, ...program, ...words]);
  return `${out}${err}`.trim().split('\n');
}

/** For `askPod`: everything that the application of a pod serves, in every protocol. */
export function tasksAt(host: string): string[] {
  return [
    `http1 ${host} 8080 away.example /{sesame}`,
    `http2 ${host} 8081 away.example`,
    `grpc ${host} 8082 away.example {sesame}`,
    `websocket ${host} 8080 away.example {sesame}`,
    `raw ${host} 9000 {sesame}`,
    `login ${host} 9001 {sesame}`,
  ];
}

/** The application of `pod-application.ts`, when it serves. */
export async function servePod(
  t: TestContext,
  host: Pick<Host, 'inside'>,
): Promise<PodApplication> {
  const application = startPodProgram(t, host, 'serve');
  await application.events.until('serving');
  return application;
}

/** Tasks of `pod-program.ts`, started and not waited for. */
export function startPodProgram(
  t: TestContext,
  host: Pick<Host, 'inside'>,
  ...tasks: readonly string[]
): PodApplication {
  const [name, ...args] = [...host.inside, ...program, ...tasks.join(' -- ').split(' ')];
  const child = spawn(name, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const events = new Events();
  eachLine(child.stdout, events.add);
  const ended = once(child, 'close') as Promise<[code: number | null]>;
  cleanUp(t, async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { events, ended, signal: (signal) => child.kill(signal) };
}

interface PodLoad {
  /** Resolves with the first news from now on that fit. */
  until(fits: (report: LoadReport) => boolean): Promise<LoadReport>;
  /** When the last exchanges have ended. */
  stop(): Promise<LoadReport>;
}

/** That of `pod-load.ts`. */
export function startPodLoad(
  t: TestContext,
  host: Pick<Host, 'inside'>,
  to: string,
  clients: number,
  ...kinds: readonly Kind[]
): PodLoad {
  const file = resolve(import.meta.dirname, 'pod-load.ts');
  const words = [process.execPath, file, to, String(clients), ...kinds];
  const [name, ...args] = [...host.inside, ...words];
  const child = spawn(name, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = once(child, 'close');
  cleanUp(t, async () => {
    child.kill('SIGKILL');
    await ended;
  });
  // Without a listener old news would be kept for the next one.
  child.on('message', () => {});
  const until = async (fits: (report: LoadReport) => boolean): Promise<LoadReport> => {
    const signal = AbortSignal.timeout(loadWaitMs);
    for (;;) {
      const [report] = (await once(child, 'message', { signal })) as [LoadReport];
      if (fits(report)) return report;
    }
  };
  const stop = (): Promise<LoadReport> => {
    child.send('stop');
    return until(({ isOver }) => isOver);
  };
  return { until, stop };
}

const loadWaitMs = 20_000;
const proxyGroup = 2102;

/** What comes goes to inbound, what goes to outbound, but not what the proxy itself sends. */
function rulesOf(iptables: string): string[] {
  const nat = `${iptables} -t nat`;
  return [
    `${nat} -A PREROUTING -p tcp --dport 4191 -j RETURN`,
    `${nat} -A PREROUTING -p tcp -j REDIRECT --to-port 4143`,
    `${nat} -A OUTPUT -m owner --gid-owner ${proxyGroup} -j RETURN`,
    `${nat} -A OUTPUT -o lo -j RETURN`,
    `${nat} -A OUTPUT -p tcp -j REDIRECT --to-port 4140`,
  ];
}

function nftRules(): string {
  return `table inet mesh {
    chain in {
      type nat hook prerouting priority dstnat;
      meta l4proto tcp tcp dport 4191 return
      meta l4proto tcp redirect to :4143
    }
    chain out {
      type nat hook output priority -100;
      meta skgid ${proxyGroup} return
      oif lo return
      meta l4proto tcp redirect to :4140
    }
  }`;
}

function tproxyRules(iptables: string, ip: string): string[] {
  return [
    `${ip} rule add fwmark 1 lookup 100`,
    `${ip} route add local default dev lo table 100`,
    `${iptables} -t mangle -A PREROUTING -i lo -j RETURN`,
    `${iptables} -t mangle -A PREROUTING -p tcp --dport 4191 -j RETURN`,
    `${iptables} -t mangle -A PREROUTING -p tcp -m socket --transparent -j MARK --set-mark 1`,
    `${iptables} -t mangle -A PREROUTING -p tcp -m socket -j RETURN`,
    `${iptables} -t mangle -A PREROUTING -p tcp -j TPROXY --on-port 4143 --tproxy-mark 1`,
    ...rulesOf(iptables).filter((rule) => rule.includes('OUTPUT')),
  ];
}

const rules: Readonly<Record<RuleKind, readonly string[]>> = {
  'iptables-legacy': [...rulesOf('iptables-legacy'), ...rulesOf('ip6tables-legacy')],
  'iptables-nft': [...rulesOf('iptables-nft'), ...rulesOf('ip6tables-nft')],
  nft: [`nft -f - <<'END'\n${nftRules()}\nEND`],
  tproxy: [...tproxyRules('iptables-legacy', 'ip'), ...tproxyRules('ip6tables-legacy', 'ip -6')],
};

const programsOf: Readonly<Record<RuleKind, readonly string[]>> = {
  'iptables-legacy': ['iptables-legacy', 'ip6tables-legacy'],
  'iptables-nft': ['iptables-nft', 'ip6tables-nft'],
  nft: ['nft'],
  tproxy: ['iptables-legacy', 'ip6tables-legacy'],
};

const program = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  resolve(import.meta.dirname, 'pod-program.ts'),
];
