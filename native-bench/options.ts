/** The command line of the benchmarks, and its help. */

import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Options, Scenario } from './bench.ts';
import { benchDir } from './peer.ts';

export class UsageError extends Error {}

/** `null`: help was asked for. */
export function readOptions(
  args: readonly string[],
  scenarios: readonly Scenario[],
): Options | null {
  const { values, positionals } = parse(args);
  if (values.help) return null;
  const known = scenarios.map(({ name }) => name);
  const given = values.report ? [] : positionals.length === 0 ? ['http1'] : positionals;
  const named = given.flatMap((name) => {
    if ([...known, 'all', 'serve'].includes(name)) return [name];
    if (name !== 'mesh') throw new UsageError(`no scenario ${name}`);
    return known.filter((one) => one.startsWith('mesh-'));
  });
  const peers = values.peers.split(',');
  for (const name of peers) {
    if (!peerNames.includes(name)) throw new UsageError(`no peer ${name}`);
  }
  return {
    scenarios: named.includes('all') ? known : named,
    peers,
    rounds: wholeNumber('rounds', values.rounds),
    seconds: wholeNumber('seconds', values.seconds),
    connections: wholeNumber('connections', values.connections),
    warmRequests: wholeNumber('warm', values.warm),
    proxyCores: values['proxy-cores'],
    loadCores: values['load-cores'],
    ours: values.ours,
    writeDocs: values['write-docs'],
    results: values.results,
    profile: values.profile === '' ? '' : resolve(values.profile),
  };
}

export function helpText(scenarios: readonly Scenario[]): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length)) + 1;
  const lines = scenarios.map(({ name, about }) => `  ${name.padEnd(width)}${about}`);
  return `Usage: npm run bench -- [SCENARIO]... [FLAG]...

Scenarios (http1 when none is named):
${lines.join('\n')}
  ${'mesh'.padEnd(width)}those that begin with mesh-
  ${'all'.padEnd(width)}all of them
  ${'serve'.padEnd(width)}start origin and peers, print their addresses as JSON, end with stdin

Flags:
  --rounds N         rounds, each with every subject in turn (5)
  --seconds N        length of a measurement (3)
  --connections N    connections of the load generator (64)
  --warm N           requests before the first round, for at most 10 s (50000)
  --peers LIST       of ${peerNames.join(',')} (all)
  --ours COMMAND     how ours is started, before --config FILE (cli/heddle proxy)
  --proxy-cores LIST cores of the proxy (0)
  --load-cores LIST  cores of load generator and origin (1)
  --results FOLDER   where results are kept (.bench/results)
  --profile FOLDER   write CPU profiles of our pairs (mesh-*) there; see docs/BENCHMARKS.md
  --write-docs       fill the generated section of docs/BENCHMARKS.md from all results
  --report           run nothing, only judge the last results
  --help             this text

tools/bench-peers.sh installs what is measured beside ours, but for linkerd2-proxy: the variable
LINKERD2_PROXY names a binary, which runs in two pods under heddle up in mesh-http1 and mesh-h2, as
sidecar, ours from the image, does. Both need root.
`;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        rounds: { type: 'string', default: '5' },
        seconds: { type: 'string', default: '3' },
        connections: { type: 'string', default: '64' },
        warm: { type: 'string', default: '50000' },
        peers: { type: 'string', default: peerNames.join(',') },
        ours: { type: 'string', default: 'cli/heddle proxy' },
        'proxy-cores': { type: 'string', default: '0' },
        'load-cores': { type: 'string', default: availableParallelism() > 1 ? '1' : '0' },
        results: { type: 'string', default: join(benchDir, 'results') },
        profile: { type: 'string', default: '' },
        'write-docs': { type: 'boolean', default: false },
        report: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new UsageError(`--${name} needs a whole number above 0, not ${text}`);
  }
  return value;
}

const peerNames = [
  'ours',
  'nginx',
  'haproxy',
  'envoy',
  'nghttpx',
  'uws',
  'sidecar',
  'linkerd2-proxy',
];
