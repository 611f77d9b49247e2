/**
 * The programs of others that suites drive: where each is found, how to get one that is missing,
 * and how to run it to its end. `tools/install-test-peers.sh` gets all of them.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { TestContext } from 'node:test';

/** Where each comes from, as its installer names it. */
const sources = {
  chromium: 'Debian package chromium or chromium-headless-shell',
  curl: 'Debian package curl',
  ghz: 'Go module github.com/bojand/ghz/cmd/ghz',
  'grpc-interop-client': 'Go module google.golang.org/grpc/interop/client, under this name',
  'grpc-interop-server': 'Go module google.golang.org/grpc/interop/server, under this name',
  'grpc-python': 'a Python with grpcio and grpcio-tools of PyPI, under this name',
  grpcurl: 'Go module github.com/fullstorydev/grpcurl/cmd/grpcurl',
  h2load: 'Debian package nghttp2-client',
  h2spec: 'Go module github.com/summerwind/h2spec/cmd/h2spec',
  nghttp: 'Debian package nghttp2-client',
  nghttpd: 'Debian package nghttp2-server',
  nginx: 'Debian package nginx',
} as const;

type ProgramName = keyof typeof sources;

/** Why a suite is skipped that needs these; false when all are there. */
export function missing(...names: readonly ProgramName[]): string | false {
  const reasons = names
    .filter((name) => find(name) === null)
    .map((name) => `needs ${name} (${sources[name]})`);
  return reasons.length === 0 ? false : `${reasons.join(', ')}: run tools/install-test-peers.sh`;
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: Buffer;
  /** What it wrote to stdout, as text. */
  readonly text: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly stdin?: string | Buffer;
  /** Beside that of the suite. */
  readonly variables?: Readonly<Record<string, string>>;
  /** After which it is killed. */
  readonly timeoutMs?: number;
}

/** Runs it to its end, whatever that is. */
export async function run(
  name: ProgramName,
  args: readonly string[],
  { stdin = '', variables = {}, timeoutMs = 20_000 }: RunOptions = {},
): Promise<Ran> {
  const env = { ...environment, ...variables };
  const child = spawn(find(name) ?? name, args, { env, timeout: timeoutMs });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => stderr.push(bytes));
  // It may end before it has read all of it.
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  const [code] = (await once(child, 'close')) as [number | null];
  const bytes = Buffer.concat(stdout);
  return { code, stdout: bytes, text: bytes.toString(), stderr: Buffer.concat(stderr).toString() };
}

/** Starts one that runs until the test has ended, and with it what it has started itself. */
export function start(
  t: TestContext,
  name: ProgramName,
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): ChildProcess {
  const env = { ...environment, ...variables };
  const child = spawn(find(name) ?? name, args, { env, stdio: 'pipe', detached: true });
  const ended = once(child, 'close');
  t.after(async () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    await ended;
  });
  return child;
}

/** What it writes to stdout and stderr, up to a match; fails when it ends before or takes long. */
export async function untilWritten(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  let written = '';
  const found = Promise.withResolvers<RegExpExecArray>();
  const fail = (): void => found.reject(new Error(`never wrote ${pattern}: ${written}`));
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (bytes: Buffer) => {
      written += bytes.toString();
      const match = pattern.exec(written);
      if (match !== null) found.resolve(match);
    });
  }
  const deadline = setTimeout(fail, startMs);
  child.once('close', fail);
  try {
    return await found.promise;
  } finally {
    clearTimeout(deadline);
  }
}

function find(name: ProgramName): string | null {
  const known = found.get(name);
  if (known !== undefined) return known;
  const names = name === 'chromium' ? ['chromium', 'chromium-headless-shell'] : [name];
  const { stdout } = spawnSync('sh', ['-c', `command -v ${names.join(' || command -v ')}`], {
    env: environment,
    encoding: 'utf8',
  });
  const path = stdout.trim() === '' ? null : stdout.trim();
  found.set(name, path);
  return path;
}

const found = new Map<ProgramName, string | null>();
const ownFolder = resolve(import.meta.dirname, '../../.bench/bin');
const environment = {
  ...process.env,
  // What is installed for the tests comes first; Go's default folder is seldom in PATH.
  PATH: `${ownFolder}:${process.env.PATH}:/usr/sbin:${process.env.HOME}/go/bin`,
};
const startMs = 15_000;
