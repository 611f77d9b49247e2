/**
 * Goal: whoever watches log lines gets each of them in order, or is told how many were lost, and
 * holds up nobody. Method: the admin port's connections on real sockets, and a sink that is full.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../core/base/clock.ts';
import { logStreamBytesMax, logStreamsMax } from '../core/base/limits-admin.ts';
import { systemTurn, TimerWheel } from '../core/base/timers.ts';
import { parseLogFilter } from '../core/telemetry/log-filter.ts';
import { TlsContexts } from '../core/tls/contexts.ts';
import { cleanUp } from '../test/support/cleanup.ts';
import { LogStream } from './admin-logs.ts';
import { createAdminServer } from './admin-server.ts';
import type { LogWatcher } from './log-output.ts';

const { filter } = parseLogFilter('info');

function turn(): Promise<void> {
  return new Promise((resolve) => systemTurn(resolve));
}

/** A stream into a list, which is full when the test says so. */
function begin() {
  const watchers = new Set<LogWatcher>();
  const written: string[] = [];
  const sink = { isFull: false, write: (text: string) => void written.push(text) };
  const stream = new LogStream(filter, (watcher) => {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  });
  stream.begin(sink);
  const [watcher] = watchers;
  return { stream, sink, written, watchers, log: watcher.onLine };
}

test('lines of one turn go out together, in order', async () => {
  const { written, log } = begin();
  log('{"n":1}\n');
  log('{"n":2}\n');
  assert.deepEqual(written, [], 'not in the middle of what is logged');
  await turn();
  assert.deepEqual(written, ['{"n":1}\n{"n":2}\n']);
});

test('a client that is too slow is told how many lines it has lost', async () => {
  const { stream, sink, written, log } = begin();
  sink.isFull = true;
  const line = `${'x'.repeat(1023)}\n`;
  const fitting = logStreamBytesMax / line.length;
  for (let count = 0; count < fitting + 7; count++) log(line);
  await turn();
  assert.deepEqual(written, []);
  sink.isFull = false;
  stream.resume();
  await turn();
  assert.equal(written.join('').length, logStreamBytesMax + '{"dropped_events":7}\n'.length);
  assert.ok(written.join('').endsWith('\n{"dropped_events":7}\n'));
  log('next\n');
  await turn();
  assert.equal(written.at(-1), 'next\n');
});

test('the end passes on what waits and watches no more', () => {
  const { stream, written, watchers, log } = begin();
  log('last\n');
  stream.end();
  assert.deepEqual(written, ['last\n']);
  assert.equal(watchers.size, 0);
});

/** An admin port on which every request watches. */
async function serve(t: TestContext) {
  const timers = new TimerWheel(systemClock);
  const watchers = new Set<LogWatcher>();
  let changed = Promise.withResolvers<void>();
  const tell = (): void => {
    changed.resolve();
    changed = Promise.withResolvers<void>();
  };
  const watch = (watcher: LogWatcher) => {
    watchers.add(watcher);
    tell();
    return () => {
      watchers.delete(watcher);
      tell();
    };
  };
  const answer = async () => ({ status: 200, body: new LogStream(filter, watch) });
  const admin = createAdminServer({ clock: systemClock, timers, tls: new TlsContexts(), answer });
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    admin.accept(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(t, () => timers.close());
  cleanUp(t, () => server.close());
  cleanUp(t, () => admin.close());
  const open = (version: string): Socket => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    cleanUp(t, () => socket.destroy());
    socket.write(`GET /logs.json HTTP/${version}\r\nHost: localhost\r\n\r\n`);
    return socket;
  };
  const untilWatched = async (holds: (count: number) => boolean): Promise<void> => {
    while (!holds(watchers.size)) await changed.promise;
  };
  return { admin, watchers, open, untilWatched };
}

async function readAll(socket: Socket): Promise<string> {
  let text = '';
  for await (const part of socket) text += String(part);
  return text;
}

for (const [version, framed] of [
  ['1.1', '5\r\none\n\n\r\n5\r\ntwo\n\n\r\n0\r\n\r\n'],
  ['1.0', 'one\n\ntwo\n\n'],
] as const) {
  test(`over HTTP/${version} it lasts as long as the process`, async (t) => {
    const { admin, watchers, open, untilWatched } = await serve(t);
    const answer = readAll(open(version));
    await untilWatched((count) => count === 1);
    const [{ onLine }] = watchers;
    onLine('one\n\n');
    await turn();
    await turn();
    onLine('two\n\n');
    admin.close();
    const [head, body] = (await answer).split(/(?<=\r\n\r\n)([\s\S]*)/);
    assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
    assert.doesNotMatch(head, /content-length/);
    assert.equal(body, framed);
    assert.equal(watchers.size, 0);
  });
}

test('a client that goes is watched for no more', async (t) => {
  const { open, untilWatched } = await serve(t);
  const socket = open('1.1');
  await untilWatched((count) => count === 1);
  socket.resetAndDestroy();
  await untilWatched((count) => count === 0);
});

test('one more than there may be takes the place of the oldest', async (t) => {
  const { watchers, open, untilWatched } = await serve(t);
  const first = open('1.1');
  let answer = '';
  first.on('data', (part: Buffer) => (answer += part.toString()));
  await untilWatched((count) => count === 1);
  const [oldest] = watchers;
  for (let count = 0; count < logStreamsMax; count++) open('1.1');
  await untilWatched((count) => count === logStreamsMax && !watchers.has(oldest));
  while (!answer.endsWith('\r\n\r\n0\r\n\r\n')) await once(first, 'data');
});
