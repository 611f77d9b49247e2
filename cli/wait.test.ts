/**
 * Goal: `heddle wait --port` does what linkerd-await does with its arguments, and `heddle sleep`
 * takes the times of sleep(1). Method: the executable, beside an admin port that is ready at its
 * third question and writes down what it was asked.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { cleanUp } from '../test/support/cleanup.ts';
import { executable, runProgram } from '../test/support/run-process.ts';

test('it waits until the proxy is ready, and the command takes its place', async (t) => {
  const admin = await startAdmin(t, 3);
  const words = ['--timeout=2m', `--port=${admin.port}`, '--backoff', '10ms', '--'];
  // With SIGPIPE ignored, `yes` would complain.
  const { code, out, err } = await wait([...words, 'sh', '-c', 'yes | head -n 1; exit 7']);
  assert.deepEqual([code, out, err], [7, 'y\n', '']);
  assert.deepEqual(admin.asked, ['GET /ready', 'GET /ready', 'GET /ready']);
});

test('when the time is over it ends with 69, and without the command', async (t) => {
  const admin = await startAdmin(t, Number.POSITIVE_INFINITY);
  const words = ['-p', `${admin.port}`, '-t', '50ms', '-b', '10ms'];
  const fatal = await wait([...words, '--', 'echo', 'ran']);
  assert.deepEqual([fatal.code, fatal.out], [69, '']);
  assert.match(fatal.err, /the proxy after 50ms: it is not ready/);
  const harmless = await wait([...words, '--timeout-fatal=false', '--', 'echo', 'ran']);
  assert.deepEqual([harmless.code, harmless.out], [0, 'ran\n']);
});

test('--shutdown keeps the exit code, passes SIGTERM on, and ends the proxy', async (t) => {
  const admin = await startAdmin(t, 1);
  const words = [`--port=${admin.port}`, '--shutdown', '--', 'sh', '-c'];
  assert.equal((await wait([...words, 'exit 3'])).code, 3);
  assert.deepEqual(admin.asked, ['GET /ready', 'POST /shutdown']);
  const script = 'trap "exit 9" TERM; kill -TERM $PPID; while :; do sleep 0.01; done';
  assert.equal((await wait([...words, script])).code, 9);
  assert.equal((await wait([...words, 'kill -KILL $$'])).code, 71);
  assert.equal(admin.asked.filter((line) => line === 'POST /shutdown').length, 3);
});

test('variables of linkerd-await switch the wait off', async () => {
  for (const name of ['LINKERD_AWAIT_DISABLED', 'LINKERD_DISABLED']) {
    const words = ['--port=1', '-S', '-v', '--', 'echo', 'ran'];
    const { code, out, err } = await wait(words, { [name]: 'no mesh' });
    assert.deepEqual([code, out], [0, 'ran\n']);
    assert.equal(err, `heddle wait: does not wait: ${name}=no mesh\n`);
  }
});

test('what cannot be run, and wrong usage', async (t) => {
  const admin = await startAdmin(t, 1);
  const missing = await wait([`--port=${admin.port}`, '--', 'heddle-has-no-such-program']);
  assert.deepEqual([missing.code, missing.out], [71, '']);
  assert.match(missing.err, /cannot run heddle-has-no-such-program: there is no such program/);
  for (const words of ['--shutdown', '--port=1 --shutdown', '--port=0', '--timeout=2', '']) {
    assert.equal((await wait(words.split(' ').filter((one) => one !== ''))).code, 2, words);
  }
});

test('sleep takes fractions, units and several times', async () => {
  assert.equal((await heddle(['sleep', '0.01', '.01s', '0.0001m', '0h', '0d'])).code, 0);
  for (const words of [[], ['x'], ['1w'], ['--', '-1'], ['1e3']]) {
    assert.equal((await heddle(['sleep', ...words])).code, 2, words.join(' '));
  }
  const forever = spawn(executable, ['sleep', 'infinity']);
  forever.kill('SIGTERM');
  const [, signal] = await once(forever, 'close');
  assert.equal(signal, 'SIGTERM');
});

/** Ready from its question number `readyAt` on. */
async function startAdmin(t: TestContext, readyAt: number) {
  const asked: string[] = [];
  const server = createServer(({ method, url }, response) => {
    asked.push(`${method} ${url}`);
    response.statusCode = url === '/ready' && asked.length < readyAt ? 503 : 200;
    response.end('ok\n');
  });
  cleanUp(t, () => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { asked, port: (server.address() as AddressInfo).port };
}

function wait(words: readonly string[], environment: Record<string, string> = {}) {
  return heddle(['wait', ...words], environment);
}

function heddle(words: readonly string[], environment: Record<string, string> = {}) {
  return runProgram([executable, ...words], environment);
}
