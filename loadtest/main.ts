/**
 * `npm run loadtest`: finds the peak of each proxy closed-loop with wrk, then loads it open-loop at
 * shares of that peak, with our generator and with k6 where it is installed, and writes a report.
 * Proxies and origin are started by `npm run bench -- serve`, pinned as the benchmarks pin them.
 */

import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadCertify } from './certify.ts';
import { type LoadReport, type OpenRun, renderText, writeReport } from './report.ts';
import { loadSidecars } from './sidecar.ts';
import { findK6, LoadTools, type Served } from './tools.ts';

interface Options {
  readonly serve: readonly string[];
  readonly seconds: number;
  readonly warmSeconds: number;
  readonly connections: number;
  readonly shares: readonly number[];
  readonly k6Rate: number;
  readonly report: string;
}

async function main(args: readonly string[]): Promise<void> {
  if (args[0] === 'certify') {
    await loadCertify(args.slice(1));
    return;
  }
  if (args[0] === 'sidecar') {
    await loadSidecars(args.slice(1));
    return;
  }
  const options = readOptions(args);
  if (options === null) {
    process.stdout.write(helpText);
    return;
  }
  const tools = new LoadTools();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143));
  }
  try {
    const served = await tools.serve(options.serve);
    const loaded = await loadAll(tools, served, options);
    const heading = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.version}`;
    const command = `npm run loadtest -- ${args.join(' ')}`.trimEnd();
    const report = { heading, command, ...loaded };
    process.stdout.write(renderText(report));
    say(`written: ${writeReport(options.report, report)}`);
  } finally {
    await tools.close();
  }
}

async function loadAll(
  tools: LoadTools,
  served: Served,
  options: Options,
): Promise<Omit<LoadReport, 'heading' | 'command'>> {
  const closed: LoadReport['closed'][number][] = [];
  const open: OpenRun[] = [];
  const { connections, seconds, warmSeconds } = options;
  for (const { name: subject, port } of served.subjects) {
    say(`${subject}: closed loop`);
    await tools.runClosed(served, port, { connections, seconds: warmSeconds });
    const found = await tools.runClosed(served, port, { connections, seconds });
    closed.push({ subject, found });
  }
  // Share by share over all proxies, so that those of one plot ran close to each other.
  for (const share of options.shares) {
    for (const [index, { name: subject, port }] of served.subjects.entries()) {
      const rate = (closed[index].found.rate * share) / 100;
      say(`${subject}: open loop, ${Math.round(rate)} requests/s`);
      const load = { port, host: served.host, rate, connections, seconds, warmSeconds };
      open.push({ subject, share, rate, seconds, found: await tools.runOpen(load) });
    }
  }
  const { k6, missing } = await loadWithK6(tools, served, options);
  return { closed, open, k6, missing: [...served.missing, ...missing] };
}

/** k6 costs so much more per request than a proxy that its rate is a setting, not a share. */
async function loadWithK6(
  tools: LoadTools,
  served: Served,
  options: Options,
): Promise<Pick<LoadReport, 'k6' | 'missing'>> {
  const program = findK6();
  const reason = 'no k6 here; tools/bench-peers.sh --only k6 builds it with Go';
  if (program === null) return { k6: [], missing: [{ name: 'k6', reason }] };
  const k6: LoadReport['k6'][number][] = [];
  const { connections, seconds, warmSeconds, k6Rate: rate } = options;
  for (const script of ['steady.js', 'ramp.js', 'connect.js']) {
    for (const { name: subject, port } of served.subjects) {
      say(`${subject}: k6 ${script}, ${rate} requests/s`);
      const load = { port, host: served.host, rate, connections, seconds, warmSeconds };
      k6.push({ subject, script, found: await tools.runK6(program, script, load) });
    }
  }
  return { k6, missing: [] };
}

/** `null`: help was asked for. Throws on what it does not know. */
function readOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      peers: { type: 'string', default: 'ours,nginx,haproxy,envoy' },
      ours: { type: 'string' },
      seconds: { type: 'string', default: '10' },
      warm: { type: 'string', default: '3' },
      connections: { type: 'string', default: '64' },
      shares: { type: 'string', default: '30,60,80' },
      'k6-rate': { type: 'string', default: '1000' },
      report: { type: 'string', default: join(import.meta.dirname, 'report') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const ours = values.ours === undefined ? [] : ['--ours', values.ours];
  return {
    serve: ['--peers', values.peers, ...ours],
    seconds: wholeNumber('seconds', values.seconds),
    warmSeconds: wholeNumber('warm', values.warm),
    connections: wholeNumber('connections', values.connections),
    shares: values.shares.split(',').map((share) => wholeNumber('shares', share)),
    k6Rate: wholeNumber('k6-rate', values['k6-rate']),
    report: values.report,
  };
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new TypeError(`--${name} needs whole numbers above 0, not ${text}`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

const helpText = `Usage: npm run loadtest -- [FLAG]...
       npm run loadtest -- certify [--proxies N] [--connections N]
       npm run loadtest -- sidecar [FLAG]...

  --peers LIST       proxies to load: of ours,nginx,haproxy,envoy (all)
  --ours COMMAND     how ours is started, before --config FILE (cli/heddle proxy)
  --seconds N        length of each run (10)
  --warm N           seconds before it that are not recorded (3)
  --connections N    connections of the load generator (64)
  --shares LIST      per cent of each proxy's own peak for the open loop (30,60,80)
  --k6-rate N        requests a second for k6 (1000)
  --report FOLDER    where index.html and report.json go (loadtest/report)
  --help             this text

The peak is found closed-loop with wrk. Open-loop latency counts from when a request was meant to
begin. The last column judges the generator: ok, late (it sent late by itself), fewer or behind
(the rate was not reached: the figures are of an overload).

certify: so many proxies (10000) ask one heddle up for a certificate at once, over so many
connections (200); it ends with 1 when one has none in the end.

sidecar: two pods with sidecars from the image, as root; --workers 0,1,2 and --protocols
http1,http2,grpc,opaque are tried in turn. sidecar --help has its flags.
`;

try {
  await main(process.argv.slice(2));
} catch (error) {
  const usage = error instanceof TypeError;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  if (usage) process.stderr.write('npm run loadtest -- --help\n');
  process.exitCode = usage ? 2 : 1;
}
