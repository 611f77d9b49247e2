/**
 * Goal: latency counts from the intended start, and every arrival is accounted for. Method: the
 * parts with times handed in, and the generator against a small server of the test.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Fifo } from './fifo.ts';
import type { OpenFound, OpenLoad } from './generator.ts';
import { type Recorded, Recorder } from './recorder.ts';
import { ResponseReader } from './response-reader.ts';
import { Schedule } from './schedule.ts';

const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('arrivals are as many as rate times seconds, each at its time', () => {
  const schedule = new Schedule(1000, 2, 4);
  assert.equal(schedule.take(999), null);
  const taken: number[] = [];
  for (let due = schedule.take(9999); due !== null; due = schedule.take(9999)) taken.push(due);
  assert.deepEqual(taken, [1000, 1250, 1500, 1750, 2000, 2250, 2500, 2750]);
  assert.equal(schedule.dueMs, null);
});

test('a stall of a second is felt by all that were meant to begin in it', () => {
  const recorder = new Recorder(0);
  // 100 a second for 10 s; nothing is answered between 5000 and 6000 ms.
  for (let due = 0; due < 10_000; due += 10) {
    const now = due >= 5000 && due < 6000 ? 6000 : due + 1;
    recorder.noteSent(due, now - 1);
    recorder.noteEnded(due, now);
  }
  const found = recorder.finish();
  assert.equal(found.completed, 1000);
  assert.equal(at(found, 50), 1000);
  assert.ok(at(found, 95) > 490_000, 'half of the stalled tenth waited for half a second');
  assert.ok(at(found, 100) >= 1_000_000);
  assert.deepEqual(
    found.timeline.map(({ completed }) => completed),
    [100, 100, 100, 100, 100, 0, 200, 100, 100, 100],
  );
});

test('the warm-up is not recorded, and a latency beyond the scale is its end', () => {
  const recorder = new Recorder(1000);
  recorder.noteEnded(999, 5000);
  recorder.noteEnded(1000, 1000 + 130_000);
  const found = recorder.finish();
  assert.equal(found.completed, 1);
  assert.ok(at(found, 100) >= 120_000_000);
});

test('a response ends where its length says, however it is cut', () => {
  for (let cut = 1; cut < answer.length; cut++) {
    const reader = new ResponseReader();
    assert.equal(reader.push(Buffer.from(answer.slice(0, cut))), 'more', String(cut));
    assert.equal(reader.push(Buffer.from(answer.slice(cut))), 'done');
    assert.equal(reader.status, 200);
    assert.equal(reader.push(Buffer.from(answer)), 'done', 'the next one');
  }
  for (const bad of [`${answer}x`, 'HTTP/1.1 200 OK\r\n\r\n', 'SSH-2.0\r\n\r\n']) {
    assert.equal(new ResponseReader().push(Buffer.from(bad)), 'unreadable', bad);
  }
  assert.equal(new ResponseReader().push(Buffer.alloc(70_000, 'x')), 'unreadable');
});

test('what waits leaves in its order', () => {
  const fifo = new Fifo<number>();
  const left: (number | undefined)[] = [];
  for (let index = 0; index < 5000; index++) {
    fifo.push(index);
    if (index % 2 === 0) left.push(fifo.shift());
  }
  while (fifo.length > 0) left.push(fifo.shift());
  assert.deepEqual(
    left,
    Array.from({ length: 5000 }, (_, index) => index),
  );
  assert.equal(fifo.shift(), undefined);
});

test('every arrival is answered, and connections that end in between are made again', async () => {
  let answered = 0;
  const found = await generate((socket) => {
    socket.on('data', () => {
      answered += 1;
      socket.write(answer);
      if (answered % 7 === 0) socket.end();
    });
  });
  assert.equal(found.completed, 40);
  assert.equal(found.unfinished, 0);
});

test('an answer that cannot be read, and a status that is no success, are errors', async () => {
  const refused = 'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n';
  for (const bytes of [refused, 'nonsense\r\n\r\n']) {
    const found = await generate((socket) => {
      socket.on('data', () => socket.write(bytes));
    });
    assert.equal(found.completed, 40);
    assert.ok(found.errors >= 40, `${found.errors} errors`);
  }
});

function at(found: Recorded, percentile: number): number {
  return found.curve.find((point) => point.percentile === percentile)?.micros ?? 0;
}

/** 20 requests of warm-up and 40 that count, with 4 connections to `serve`. */
async function generate(serve: (socket: Socket) => void): Promise<OpenFound> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const load: OpenLoad = {
    port: portOf(server),
    host: 'web',
    rate: 80,
    connections: 4,
    seconds: 0.5,
    warmSeconds: 0.25,
  };
  const file = join(import.meta.dirname, 'generator.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [file, JSON.stringify(load)]);
  server.close();
  const found: OpenFound = JSON.parse(stdout);
  return found;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
