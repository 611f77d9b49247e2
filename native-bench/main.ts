/**
 * `npm run bench`: ours beside native proxies, scenario after scenario, tables on stdout and
 * results as JSON. Reads the command line and sees to it that nothing stays behind.
 */

import type { Bench, Options, Scenario } from './bench.ts';
import { writeDocs } from './docs.ts';
import { judgeGoals } from './goals.ts';
import { describeMachine } from './machine.ts';
import { micro } from './micro.ts';
import { helpText, readOptions, UsageError } from './options.ts';
import { findProgram, type Peer, requireProgram } from './peer.ts';
import { envoy } from './peer-envoy.ts';
import { haproxy } from './peer-haproxy.ts';
import { nghttpx } from './peer-nghttpx.ts';
import { nginx } from './peer-nginx.ts';
import { createOurs } from './peer-ours.ts';
import { uws } from './peer-uws.ts';
import { renderText } from './report.ts';
import { loadResults, saveResult } from './results.ts';
import { Run } from './run.ts';
import { controlLibraries, controlPlane } from './scenario-control.ts';
import { grpc } from './scenario-grpc.ts';
import { h1ToH2, h2, h2Bodies, h2Workers } from './scenario-h2.ts';
import { connect, endpoints, growth, http1, services, workers } from './scenario-http.ts';
import { imageStart } from './scenario-image.ts';
import {
  meshBulk,
  meshFirst,
  meshH2,
  meshHandshakes,
  meshHttp1,
  meshIssuing,
  meshMemory,
  meshRotation,
} from './scenario-mesh.ts';
import { opaque } from './scenario-opaque.ts';
import { memory, start } from './scenario-process.ts';
import { longStream, slowStreams } from './scenario-streams.ts';
import { serve } from './serve.ts';

const scenarios: readonly Scenario[] = [
  http1,
  growth,
  connect,
  h2,
  h2Bodies,
  h1ToH2,
  h2Workers,
  grpc,
  slowStreams,
  longStream,
  opaque,
  services,
  endpoints,
  workers,
  memory,
  start,
  imageStart,
  controlPlane,
  controlLibraries,
  meshHttp1,
  meshH2,
  meshHandshakes,
  meshBulk,
  meshFirst,
  meshMemory,
  meshIssuing,
  meshRotation,
  micro,
];

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(args, scenarios);
  if (options === null) {
    process.stdout.write(helpText(scenarios));
    return;
  }
  const run = new Run();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143));
  }
  try {
    await execute(options, run, `npm run bench -- ${args.join(' ')}`.trimEnd());
  } finally {
    await run.close();
  }
}

async function execute(options: Options, run: Run, command: string): Promise<void> {
  const bench = createBench(options, run);
  if (options.scenarios.includes('serve')) {
    await serve(bench);
    return;
  }
  for (const scenario of scenarios) {
    if (!options.scenarios.includes(scenario.name)) continue;
    try {
      await executeScenario(bench, scenario, command);
    } catch (error) {
      // The others are still worth their time; the exit code tells.
      bench.say(`${scenario.name} failed: ${messageOf(error)}`);
      process.exitCode = 1;
      await run.endAll();
    }
  }
  const names = scenarios.map(({ name }) => name);
  const results = loadResults(options.results, names);
  for (const { goal, figure, met } of judgeGoals(results)) {
    process.stdout.write(`${met === 'yes' ? 'met' : met.padEnd(3)}  ${goal}: ${figure}\n`);
  }
  if (options.writeDocs) bench.say(`written: ${writeDocs(results)}`);
}

async function executeScenario(bench: Bench, scenario: Scenario, command: string): Promise<void> {
  const { rounds, seconds, results } = bench.options;
  bench.say(`${scenario.name}: ${rounds} rounds of ${seconds} s`);
  for (const name of scenario.needs) requireProgram(findProgram(name));
  const outcomes = await scenario.execute(bench);
  for (const outcome of outcomes) process.stdout.write(`${renderText(outcome)}\n`);
  const takenAt = new Date().toISOString().slice(0, 16);
  const machine = describeMachine();
  const result = { scenario: scenario.name, command, takenAt, machine, outcomes };
  bench.say(`written: ${saveResult(results, result)}`);
}

function createBench(options: Options, run: Run): Bench {
  const all: Peer[] = [createOurs(options.ours), nginx, haproxy, envoy, nghttpx, uws];
  return {
    run,
    options,
    wrk: programOf('wrk'),
    h2load: programOf('h2load'),
    say: (line) => process.stderr.write(`${line}\n`),
    peers: all.filter(({ name }) => options.peers.includes(name)),
  };
}

/** '' when it is missing: scenarios say what they need. */
function programOf(name: string): string {
  const found = findProgram(name);
  return found.kind === 'found' ? found.program : '';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const usage = error instanceof UsageError;
  process.stderr.write(`${messageOf(error)}\n${usage ? 'npm run bench -- --help\n' : ''}`);
  process.exitCode = usage ? 2 : 1;
}
