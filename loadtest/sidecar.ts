/**
 * `npm run loadtest -- sidecar`: pods with sidecars from the image, with each number of workers in
 * turn, under each protocol in turn, and what that costs. For root, because pods are network
 * namespaces.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fillSection } from '../native-bench/docs.ts';
import { findGhz, findGrpcServer } from '../native-bench/ghz.ts';
import { describeMachine } from '../native-bench/machine.ts';
import { findProgram, projectDir, requireProgram } from '../native-bench/peer.ts';
import { startPodPair, whyNoPods } from '../native-bench/pods.ts';
import { Run } from '../native-bench/run.ts';
import { measureSidecars, type SidecarLoad, type SidecarProtocol } from './sidecar-load.ts';
import {
  renderSidecars,
  renderSidecarsMarkdown,
  type SidecarReport,
  type SidecarRun,
} from './sidecar-report.ts';
import { findK6 } from './tools.ts';

interface Options {
  readonly workers: readonly number[];
  readonly protocols: readonly SidecarProtocol[];
  readonly proxyCores: string;
  readonly load: SidecarLoad;
  readonly report: string;
  readonly writesDocs: boolean;
}

export async function loadSidecars(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    process.stdout.write(helpText);
    return;
  }
  const why = whyNoPods();
  if (why !== null) throw new Error(`no pods with sidecars here: ${why}`);
  const options = readOptions(args);
  const run = new Run();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143));
  }
  try {
    const { cpu, cores, node, commit } = describeMachine();
    const pins = `proxies on cores ${options.proxyCores}, load on ${options.load.loadCores}`;
    const report: SidecarReport = {
      heading: `${cpu}, ${cores} cores, Node ${node}, commit ${commit}; ${pins}`,
      command: `npm run loadtest -- ${['sidecar', ...args].join(' ')}`,
      runs: await measureAll(run, options),
    };
    process.stdout.write(renderSidecars(report));
    say(`written: ${save(options, report)}`);
  } finally {
    await run.close();
  }
}

async function measureAll(run: Run, options: Options): Promise<SidecarRun[]> {
  const { proxyCores, load } = options;
  const runs: SidecarRun[] = [];
  for (const workers of options.workers) {
    say(`${workers} workers: starting pods`);
    const pods = { program: '', workers, proxyCores, loadCores: load.loadCores };
    const pair = await startPodPair(pods);
    try {
      await pair.startOrigin(run);
      await pair.startH2Origin(run);
      if (options.protocols.includes('grpc')) await pair.startGrpcOrigin(run);
      for (const protocol of options.protocols) {
        say(`${workers} workers: ${protocol}`);
        runs.push({ workers, protocol, found: await measureSidecars(run, pair, protocol, load) });
      }
    } finally {
      await run.endAll();
      await pair.end();
    }
  }
  // By protocol: what differs in a table is the number of workers.
  return options.protocols.flatMap((one) => runs.filter(({ protocol }) => protocol === one));
}

function save({ report: folder, writesDocs }: Options, report: SidecarReport): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'sidecar.json');
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  if (!writesDocs) return file;
  const document = join(projectDir, 'docs', 'OPERATING.md');
  const filled = fillSection(readFileSync(document, 'utf8'), renderSidecarsMarkdown(report));
  writeFileSync(document, filled);
  return `${file}, ${document}`;
}

/** Throws on what it does not know. */
function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      workers: { type: 'string', default: '0,1,2' },
      protocols: { type: 'string', default: knownProtocols.join(',') },
      seconds: { type: 'string', default: '4' },
      warm: { type: 'string', default: '2' },
      connections: { type: 'string', default: '64' },
      rate: { type: 'string', default: '1000' },
      'proxy-cores': { type: 'string', default: defaultCores.proxies },
      'load-cores': { type: 'string', default: defaultCores.load },
      report: { type: 'string', default: join(import.meta.dirname, 'report') },
      'write-docs': { type: 'boolean', default: false },
    },
  });
  const protocols = values.protocols.split(',').map(readProtocol);
  if (protocols.includes('grpc'))
    for (const found of [findGhz(), findGrpcServer()]) requireProgram(found);
  return {
    workers: values.workers.split(',').map((text) => wholeNumber('workers', text, 0)),
    protocols,
    proxyCores: values['proxy-cores'],
    load: {
      seconds: wholeNumber('seconds', values.seconds, 1),
      warmSeconds: wholeNumber('warm', values.warm, 1),
      connections: wholeNumber('connections', values.connections, 1),
      rate: wholeNumber('rate', values.rate, 1),
      loadCores: values['load-cores'],
      wrk: requireProgram(findProgram('wrk')),
      h2load: requireProgram(findProgram('h2load')),
      k6: requireK6(),
    },
    report: values.report,
    writesDocs: values['write-docs'],
  };
}

function readProtocol(text: string): SidecarProtocol {
  const known = knownProtocols.find((one) => one === text);
  if (known !== undefined) return known;
  throw new TypeError(`--protocols needs some of ${knownProtocols.join(',')}, not ${text}`);
}

function wholeNumber(name: string, text: string, min: number): number {
  const value = Number(text);
  if (text !== '' && Number.isInteger(value) && value >= min) return value;
  throw new TypeError(`--${name} needs whole numbers from ${min}, not ${text}`);
}

function requireK6(): string {
  const program = findK6();
  if (program !== null) return program;
  throw new Error('no k6 here; tools/bench-peers.sh --only k6 builds it with Go');
}

/** From one to before the other. */
function listCores(from: number, to: number): string {
  return to - from < 2 ? String(from) : `${from}-${to - 1}`;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

const knownProtocols: readonly SidecarProtocol[] = ['http1', 'http2', 'grpc', 'opaque'];

/** One half for the load; `taskset` counts from 0. */
const all = availableParallelism();
const half = Math.max(1, all >> 1);
const defaultCores = {
  proxies: listCores(0, half),
  load: listCores(Math.min(half, all - 1), all),
};

const helpText = `Usage: npm run loadtest -- sidecar [FLAG]...

  --workers LIST       numbers of worker threads, each with pods of its own (0,1,2)
  --protocols LIST     of http1,http2,grpc,opaque (all)
  --seconds N          length of each run, one closed-loop and one open-loop (4)
  --warm N             seconds before them (2)
  --connections N      connections of wrk, virtual users of k6 (64)
  --rate N             requests a second of the open loop, at most half the peak (1000)
  --proxy-cores LIST   cores of both proxies, for taskset (${defaultCores.proxies})
  --load-cores LIST    cores of load, origin and control plane (${defaultCores.load})
  --report FOLDER      where sidecar.json goes (loadtest/report)
  --write-docs         fill the table of docs/OPERATING.md
  --help               this text

Two network namespaces are the pods; what runs in them is the image's root file system. The peak
comes from wrk, HTTP/2 from h2load with 16 requests under way on each connection; the open loop from
k6, HTTP/2 from h2load at that rate; gRPC from ghz, both times, to the server of grpc-go.
`;
