/**
 * `heddle run` for tests: the executable with a state directory of its own, the lines that it and
 * its application say, in their order and beside events of others, and a sure end.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { cleanUp } from './cleanup.ts';
import { Events } from './events.ts';
import { makeFolder, ownHost, type ProxyProcess } from './process.ts';

export const executable = resolve(import.meta.dirname, '../../cli/heddle');
const application = resolve(import.meta.dirname, 'run-app.ts');
const waitMs = 20_000;

interface RunOptions {
  readonly events?: Events;
  readonly stateFolder?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Words before the command, which run it elsewhere. */
  readonly inside?: readonly string[];
  /** Leads a process group of its own, as a shell starts what it runs. */
  readonly isGroup?: boolean;
}

export interface RunProcess {
  readonly pid: number;
  readonly events: Events;
  readonly stateFolder: string;
  /** Exit code and signal, when also all output has been read. */
  readonly ended: Promise<readonly [code: number | null, signal: NodeJS.Signals | null]>;
}

/** Words for the application are at the end of `args`, after `--`. */
export function startRun(
  t: TestContext,
  args: readonly string[],
  options: RunOptions = {},
): RunProcess {
  const { events = new Events(), stateFolder = makeFolder(t) } = options;
  const words = [...(options.inside ?? []), executable, 'run', '--state-dir', stateFolder];
  const child = spawn(words[0], [...words.slice(1), ...args], {
    detached: options.isGroup === true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HEDDLE_TOKEN: tokenOfTest, ...options.environment },
  });
  for (const stream of [child.stdout, child.stderr]) eachLine(stream, events.add);
  const ended = untilClosed(child);
  cleanUp(t, async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  });
  return { pid: child.pid ?? 0, events, stateFolder, ended };
}

/** The application's command. */
export function appCommand(...words: readonly string[]): string[] {
  return ['--', process.execPath, '--disable-warning=ExperimentalWarning', application, ...words];
}

async function untilClosed(
  child: ChildProcess,
): Promise<readonly [number | null, NodeJS.Signals | null]> {
  await once(child, 'close');
  return [child.exitCode, child.signalCode];
}

export function eachLine(
  stream: NodeJS.ReadableStream | null,
  onLine: (line: string) => void,
): void {
  let rest = '';
  stream?.setEncoding('utf8').on('data', (text: string) => {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
}

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A command of `heddle` from its start to its end. */
export function runCommand(
  args: readonly string[],
  inside: readonly string[] = [],
): Promise<Outcome> {
  return runProgram([...inside, executable, ...args]);
}

export async function runProgram(
  [command, ...args]: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const env = { ...process.env, ...environment };
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

/** Of a process that runs now; the proxy is the one that was started as such. */
export function childOf(pid: number, word: string): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ');
  const found = children.find((child) => {
    return readFileSync(`/proc/${child}/cmdline`, 'latin1').split('\0').includes(word);
  });
  if (found === undefined) throw new Error(`no ${word} among the children of ${pid}`);
  return Number(found);
}

/** Resolves when no process of that number is there, not even one that waits to be read. */
export async function untilGone(pid: number): Promise<void> {
  const limit = AbortSignal.timeout(waitMs);
  while (isThere(pid)) {
    if (limit.aborted) throw new Error(`process ${pid} does not end`);
    await new Promise((resume) => setTimeout(resume, 20));
  }
}

/** Not when it waits to be read by its parent. */
export function isThere(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return false;
  }
}

/** Where a control plane of `heddle up` listens. */
export function controlOf(up: ProxyProcess): string {
  return `127.0.0.1:${up.port('Control plane')}`;
}

/** A port that is free now, and that the system gives to nobody who asks for any. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, ownHost);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address !== 'object') throw new Error('no port');
  return address.port;
}

/** Flags of an endpoint of `web` in `demo`. */
export function joining(control: string, port: number): string[] {
  const named = ['--service', 'web', '--namespace', 'demo', '--port', String(port)];
  const more = ['--service-port', '8000', '--protocol', 'http1', '--zone', 'a'];
  return [...named, ...more, '--control', control, '--wait', '500ms'];
}

/** The process that the application says it is. */
export function appPid(events: Events): number {
  const line = events.all.find((one) => one.startsWith('running '));
  return Number(line?.slice('running '.length));
}

/** No control plane listens there. */
export const nobody = ['--control', '127.0.0.1:1', '--wait', '500ms'];

/** Of a control plane without an issuer, so that a proxy asks for no certificate. */
export const tokenOfTest = `x.${Buffer.from('{"svc":"*"}').toString('base64url')}.y`;
