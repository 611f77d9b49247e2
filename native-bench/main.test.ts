/**
 * Goal: the harness runs from the command line to the files and leaves nothing behind. Method: the
 * program itself with the shortest possible rounds; nginx is both origin and subject.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { untilTurn } from '../test/support/turns.ts';
import { parseReport } from './ghz.ts';
import { parseErrors, parseLog } from './h2load.ts';
import { parseFigures } from './micro.ts';
import { readOptions } from './options.ts';
import { findProgram } from './peer.ts';
import { parseRequests } from './peer-nginx.ts';
import { parseFound } from './wrk.ts';

const absent = ['nginx', 'wrk'].find((name) => findProgram(name).kind === 'missing');
const skip = absent === undefined ? false : `no ${absent} here; tools/bench-peers.sh installs it`;
const noHaproxy = findProgram('haproxy').kind === 'missing';
const skipPair = noHaproxy ? 'no haproxy here; tools/bench-peers.sh installs it' : false;

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function runMain(folder: string, args: string[], onError?: (text: string) => boolean) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = { code: null, out: '', err: '' } as { -readonly [K in keyof Ended]: Ended[K] };
  child.stdout.on('data', (chunk: Buffer) => {
    ended.out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    ended.err += chunk.toString();
    if (onError?.(ended.err) === true) child.kill('SIGINT');
  });
  [ended.code] = (await once(child, 'close')) as [number | null];
  return ended as Ended;
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-bench-test-'));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('a short run measures nginx, names what is missing and removes its files', { skip }, () =>
  withFolder(async (folder) => {
    const results = join(folder, 'results');
    const flags = ['--rounds', '1', '--seconds', '1', '--warm', '10', '--connections', '2'];
    const args = ['http1', '--peers', 'ours,nginx', '--ours', '/nowhere/heddle', ...flags];
    const ended = await runMain(folder, [...args, '--results', results]);
    assert.equal(ended.code, 0, ended.err);
    assert.match(ended.out, /^nginx +[0-9.]+ \(/m);
    assert.match(ended.out, /not measured: ours: no \/nowhere\/heddle/);
    const saved: unknown = JSON.parse(readFileSync(join(results, 'http1.json'), 'utf8'));
    assert.ok(typeof saved === 'object' && saved !== null && 'outcomes' in saved);
    assert.deepEqual(readdirSync(folder), ['results']);
  }),
);

test('pairs carry a transfer in mutual TLS', { skip: skipPair }, () =>
  withFolder(async (folder) => {
    const flags = ['--rounds', '1', '--seconds', '1', '--results', join(folder, 'results')];
    const ended = await runMain(folder, ['mesh-bulk', '--peers', 'haproxy', ...flags]);
    assert.equal(ended.code, 0, ended.err);
    assert.match(ended.out, /^haproxy pair +[0-9.]+ \(/m);
  }),
);

test('mesh stands for all scenarios of pairs', () => {
  const known = ['http1', 'mesh-one', 'mesh-two'].map((name) => ({
    name,
    about: '',
    needs: [],
    execute: async () => [],
  }));
  assert.deepEqual(readOptions(['mesh'], known)?.scenarios, ['mesh-one', 'mesh-two']);
});

test('an interrupt ends what was started', { skip }, () =>
  withFolder(async (folder) => {
    const args = ['http1', '--peers', 'nginx', '--results', join(folder, 'results')];
    const ended = await runMain(folder, args, (text) => text.includes('warming nginx'));
    assert.equal(ended.code, 130, ended.err);
    assert.deepEqual(readdirSync(folder), []);
    // They are killed: on a busy machine one may take its time to be gone.
    await untilTurn('all are gone', () =>
      readdirSync('/proc').every((pid) => !readCommand(pid).includes(folder)),
    );
  }),
);

test('wrong arguments are refused with the way to the help', () =>
  withFolder(async (folder) => {
    for (const args of [['nothing'], ['--rounds', '0'], ['--peers', 'apache'], ['--what']]) {
      const ended = await runMain(folder, args);
      assert.equal(ended.code, 2, args.join(' '));
      assert.match(ended.err, /--help/);
    }
    const help = await runMain(folder, ['--help']);
    assert.match(help.out, /^Usage: npm run bench/);
  }));

test('what other programs print is read, or refused', () => {
  const status = 'Active connections: 1 \nserver accepts handled requests\n 5 5 123 \nReading: 0';
  assert.equal(parseRequests(status), 123);
  assert.throws(() => parseRequests('<html>'), /stub_status/);
  const found = { requests: 10, p50Micros: 20, p99Micros: 30, errors: 0 };
  assert.deepEqual(parseFound('Running 1s test\nFOUND 10 20 30 0\n'), found);
  assert.equal(parseFound('unable to connect'), null);
  const figures = [{ name: 'a', unit: 'ns', values: [1, 2] }];
  assert.deepEqual(parseFigures('{"name":"a","nanos":[1,2]}\n'), figures);
  assert.throws(() => parseFigures('{"name":"a"}'), /no figure/);
  assert.throws(() => parseFigures('61 ns\n'), /not a line of JSON: 61 ns/);
});

test('the summary and the log of h2load are read', () => {
  const summary = [
    'requests: 90 total, 99 started, 90 done, 82 succeeded, 8 failed, 5 errored, 1 timeout',
    'status codes: 82 2xx, 2 3xx, 3 4xx, 0 5xx',
  ];
  assert.equal(parseErrors(summary.join('\n')), 11);
  assert.equal(parseErrors(summary[0]), null);
  const log = parseLog('1000\t200\t30\n1001\t-1\t7\n1002\t503\t8\n1010\t204\t25\n10');
  assert.deepEqual([...log.endMicros], [1030, 1035]);
  assert.deepEqual([...log.tookMicros], [30, 25]);
});

test('calls that did not end with OK are errors of ghz', () => {
  const report = {
    count: 12,
    statusCodeDistribution: { OK: 9, Unavailable: 3 },
    latencyDistribution: [
      { percentage: 50, latency: 2_000 },
      { percentage: 99, latency: 5_500 },
    ],
  };
  const found = { requests: 9, p50Micros: 2, p99Micros: 5.5, errors: 3 };
  assert.deepEqual(parseReport(JSON.stringify(report)), found);
  const none = { count: 3, statusCodeDistribution: { Unavailable: 3 }, latencyDistribution: null };
  assert.equal(parseReport(JSON.stringify(none)).requests, 0);
});

function readCommand(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}
