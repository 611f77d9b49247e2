/**
 * Real proxies for tests: `cli/heddle proxy` with a configuration in a folder of its own and ports
 * that the system chooses, which its log tells. All of it is gone when the test has ended. Beside
 * them: an HTTP origin, clients of kept connections, and a reader of metrics.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  request,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cleanUp } from './cleanup.ts';

/** An address of this test file's own: nobody else is given a port there that has become free. */
export const ownHost = `127.1.${process.pid & 0xff}.${1 + ((process.pid >> 8) % 254)}`;

const executable = resolve(import.meta.dirname, '../../cli/heddle');
const waitMs = 15_000;

interface StartOptions {
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** `ulimit -n` of the process. */
  readonly descriptors?: number;
  /** Words before the command, which run it elsewhere. */
  readonly inside?: readonly string[];
  /** Instead of a folder of its own. */
  readonly folder?: string;
  /** Written into the folder before it starts. */
  readonly files?: Readonly<Record<string, string>>;
}

/** How a process ended and all that it said. */
interface Outcome {
  readonly code: number | null;
  readonly said: string;
}

export interface ProxyProcess {
  readonly folder: string;
  /** Everything that it has said so far. */
  readonly said: string;
  readonly ended: Promise<Outcome>;
  /** The port that its log names after `what`, as in `Outbound interface`. */
  port(what: string): number;
  /** Resolves with the line; fails when the process ends before, or takes too long. */
  untilSaid(part: string | RegExp, limitMs?: number): Promise<string>;
  /** Replaces heddle.yaml, or another file of its folder, in one step. */
  write(text: string, name?: string): void;
  signal(name: NodeJS.Signals): void;
}

export function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-process-'));
  cleanUp(t, () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts it without waiting; without a file its environment or its arguments say all. */
export function launchProxy(t: TestContext, yaml: string | null, options: StartOptions = {}) {
  return launchWith(t, 'proxy', yaml, options);
}

/** A control plane, with ports that the system chooses and its state in the folder. */
export function launchUp(t: TestContext, yaml: string | null, options: StartOptions = {}) {
  const folder = options.folder ?? makeFolder(t);
  const ports = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
  const args = ['--state-dir', join(folder, 'state'), ...ports, ...(options.args ?? [])];
  return launchWith(t, 'up', yaml, { ...options, folder, args });
}

/** Resolves when it is ready. */
export async function startUp(
  t: TestContext,
  yaml: string | null,
  options: StartOptions = {},
): Promise<ProxyProcess> {
  const control = launchUp(t, yaml, options);
  await control.untilSaid('heddle: ready');
  return control;
}

function launchWith(t: TestContext, command: string, yaml: string | null, options: StartOptions) {
  const folder = options.folder ?? makeFolder(t);
  const config = yaml === null ? [] : ['--config', join(folder, 'heddle.yaml')];
  const files = yaml === null ? {} : { 'heddle.yaml': yaml };
  return launch(t, [command, ...config], { ...options, folder, files });
}

/** Any command, which lives as long as the test at the most; starts it without waiting. */
function launch(
  t: TestContext,
  command: readonly string[],
  options: StartOptions = {},
): ProxyProcess {
  const folder = options.folder ?? makeFolder(t);
  for (const [name, text] of Object.entries(options.files ?? {})) {
    writeFileSync(join(folder, name), text);
  }
  const args = [...command, ...(options.args ?? [])];
  const limit = options.descriptors === undefined ? '' : `ulimit -n ${options.descriptors} && `;
  const shell = [...(options.inside ?? []), 'sh', '-c', `${limit}exec "$0" "$@"`];
  const environment = { ...process.env, ...options.environment };
  return launchWords(t, [...shell, executable, ...args], folder, environment);
}

/** Any program, with this environment and no other. */
export function launchWords(
  t: TestContext,
  [program, ...args]: readonly string[],
  folder: string,
  environment: NodeJS.ProcessEnv,
): ProxyProcess {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: environment });
  const proxy = new Launched(child, folder);
  cleanUp(t, async () => {
    child.kill('SIGKILL');
    await proxy.ended;
  });
  return proxy;
}

/** Resolves when it is ready. */
export async function startProxy(
  t: TestContext,
  yaml: string,
  options: StartOptions = {},
): Promise<ProxyProcess> {
  const proxy = launchProxy(t, yaml, options);
  await proxy.untilSaid('heddle: ready');
  return proxy;
}

class Launched implements ProxyProcess {
  readonly folder: string;
  readonly ended: Promise<Outcome>;
  said = '';
  readonly #child: ChildProcess;
  #onNews = Promise.withResolvers<void>();
  #hasEnded = false;

  constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.folder = folder;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
      this.#tell();
    });
    this.ended = this.#untilEnded();
  }

  port(what: string): number {
    const start = this.said.indexOf(`${what} on `);
    const [, digits] = /:(\d+)\n/.exec(this.said.slice(start)) ?? [];
    if (start === -1 || digits === undefined) throw new Error(`no ${what} in ${this.said}`);
    return Number(digits);
  }

  async untilSaid(part: string | RegExp, limitMs = waitMs): Promise<string> {
    const limit = AbortSignal.timeout(limitMs);
    const late = once(limit, 'abort');
    for (;;) {
      const line = this.said
        .split('\n')
        .find((one) => (typeof part === 'string' ? one.includes(part) : part.test(one)));
      if (line !== undefined) return line;
      if (limit.aborted || this.#hasEnded) throw new Error(`never said ${part}:\n${this.said}`);
      await Promise.race([this.#onNews.promise, late]);
    }
  }

  write(text: string, name = 'heddle.yaml'): void {
    const path = join(this.folder, name);
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async #untilEnded(): Promise<Outcome> {
    const [code] = (await once(this.#child, 'close')) as [number | null];
    this.#hasEnded = true;
    this.#tell();
    return { code, said: this.said };
  }

  #tell(): void {
    this.#onNews.resolve();
    this.#onNews = Promise.withResolvers<void>();
  }
}

/** A port with a server of `node:http` behind it. */
export async function startHttpOrigin(
  t: TestContext,
  answer: RequestListener,
  host = '127.0.0.1',
  port = 0,
): Promise<number> {
  const server = createServer({ keepAliveTimeout: 60_000 }, answer);
  server.listen(port, host);
  await once(server, 'listening');
  cleanUp(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly agent?: Agent;
  readonly host?: string;
}

/** Sends the request to a port of 127.0.0.1; resolves when the response has begun. */
export async function begin(
  port: number,
  path: string,
  options: AskOptions = {},
): Promise<IncomingMessage> {
  const { method = 'GET', headers = {}, body, agent, host = '127.0.0.1' } = options;
  const sent = request({ host, port, path, method, headers: { ...headers }, agent });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return response;
}

/** The whole exchange. */
export async function ask(port: number, path: string, options: AskOptions = {}): Promise<Answer> {
  const response = await begin(port, path, options);
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  const body = Buffer.concat(parts).toString();
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

/** One kept connection. */
export function keepOne(t: TestContext): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  cleanUp(t, () => agent.destroy());
  return agent;
}

/** The samples of an exposition. */
export class Metrics {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The sum over all series of `family` that have these labels. */
  sum(family: string, labels: Readonly<Record<string, string>> = {}): number {
    let sum = 0;
    for (const line of this.text.split('\n')) {
      const [, name, set = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name !== family) continue;
      const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
      if (pairs.every((pair) => set.split(/,(?=\w+=")/).includes(pair))) sum += Number(value);
    }
    return sum;
  }
}

export async function readMetrics(adminPort: number): Promise<Metrics> {
  return new Metrics((await ask(adminPort, '/metrics')).body);
}

/**
 * Reads until `holds`: what workers count arrives in its own time, each reading takes a round trip.
 */
export async function untilMetrics(
  adminPort: number,
  holds: (metrics: Metrics) => boolean,
): Promise<Metrics> {
  const limit = AbortSignal.timeout(waitMs);
  for (;;) {
    const metrics = await readMetrics(adminPort);
    if (holds(metrics)) return metrics;
    if (limit.aborted) throw new Error(`not in time:\n${metrics.text}`);
  }
}

/**
 * Steady load over `clients` kept connections, GET and POST in turn, until `stop`; each waits
 * `pauseMs` between two requests, which leaves processor to what is drilled meanwhile.
 */
export function startLoad(
  t: TestContext,
  port: number,
  host: string,
  clients: number,
  pauseMs = 0,
): Load {
  const failures: string[] = [];
  let answered = 0;
  const stopping = new AbortController();
  const run = async (): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let turn = 0; !stopping.signal.aborted; turn++) {
      const body = turn % 2 === 0 ? undefined : `body ${turn}`;
      const method = body === undefined ? 'GET' : 'POST';
      try {
        const answer = await ask(port, `/${turn}`, { method, body, agent, headers: { host } });
        const reason = String(answer.headers['l5d-proxy-error']);
        if (answer.status !== 200) failures.push(`${method} ${answer.status} ${reason}`);
      } catch (error) {
        failures.push(`${method} ${String(error)}`);
      }
      answered += 1;
      if (pauseMs > 0) await sleep(pauseMs);
    }
    agent.destroy();
  };
  const running = Array.from({ length: clients }, run);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await Promise.all(running);
  };
  cleanUp(t, stop);
  return {
    failures,
    get answered() {
      return answered;
    },
    stop,
  };
}

interface Load {
  /** One line for each request that was not answered with 200. */
  readonly failures: readonly string[];
  readonly answered: number;
  stop(): Promise<void>;
}

/** A proxy for callers that is told everything by a control plane, and proves to be `caller`. */
export function startCaller(
  t: TestContext,
  control: string,
  identityToken: string,
): Promise<ProxyProcess> {
  const own = { stateDir: makeFolder(t), identity: 'caller.default', identityToken };
  const ports = { outbound: '127.0.0.1:0', admin: '127.0.0.1:0', workers: 1 };
  return startProxy(t, JSON.stringify({ proxy: { control, ...own, ...ports } }));
}
