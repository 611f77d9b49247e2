/**
 * Goal: one bounded answer for whatever a connection begins with, and a bounded memory of who
 * speaks first. Method: polyglots and garbage dripped byte by byte, the fuzzer for a moment with a
 * fixed seed, a clock moved by hand.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detectBytesMax, serverFirstMemoryMax, serverFirstMemoryMs } from '../base/limits.ts';
import { seededRandom } from '../base/random.ts';
import { fuzz } from './detect.fuzz.ts';
import { createClientHello, detectProtocol } from './detect.ts';
import { ServerFirstMemory } from './server-first.ts';

/** The answer after each byte; it may change once, away from NEED_MORE. */
function drip(bytes: Buffer): [string, number] {
  const hello = createClientHello();
  for (let length = 1; length <= bytes.length; length++) {
    const verdict = detectProtocol(bytes, 0, length, hello);
    if (verdict !== 'NEED_MORE') {
      assert.equal(detectProtocol(bytes, 0, bytes.length, hello), verdict);
      return [verdict, length];
    }
  }
  return ['NEED_MORE', bytes.length];
}

test('tells the protocols apart', () => {
  const rows: [string, string, number][] = [
    ['GET / HTTP/1.1\r\n\r\n', 'HTTP1', 5],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'HTTP2', 24],
    ['PRI * H', 'NEED_MORE', 7],
    ['\x16\x03\x01 / HTTP/1.1\r\n', 'OPAQUE', 6],
    ['\x16GET / HTTP/1.1\r\n', 'OPAQUE', 2],
    ['GET\x16\x03\x01\x00\x05\x01', 'OPAQUE', 4],
    ['PRI * HTTP/2.0\r\n\x16\x03\x01', 'HTTP1', 17],
    ['\x15\x03\x01\x00\x02', 'OPAQUE', 1],
    ['\x80\x2e\x01\x00\x02', 'OPAQUE', 1],
  ];
  for (const [text, verdict, after] of rows) {
    assert.deepEqual(drip(Buffer.from(text, 'latin1')), [verdict, after], JSON.stringify(text));
  }
});

test('nothing is nothing yet', () => {
  assert.equal(detectProtocol(Buffer.alloc(4), 2, 2, createClientHello()), 'NEED_MORE');
});

test('64 KiB of garbage end opaque within the budget', () => {
  const random = seededRandom(42);
  const garbage = Buffer.alloc(65_536);
  for (let i = 0; i < garbage.length; i++) garbage[i] = random.uint32() >>> 24;
  for (const first of ['', 'A ', '\x16\x03\x01', '\x16\x03\x01\x3f\xff\x01\x00\x3f\xf0']) {
    const bytes = Buffer.concat([Buffer.from(first, 'latin1'), garbage]);
    const [verdict, after] = drip(bytes);
    assert.equal(verdict, 'OPAQUE');
    assert.ok(after <= detectBytesMax);
  }
});

test('a reused result keeps nothing of the connection before', () => {
  const hello = createClientHello();
  hello.problem = 'RECORD';
  assert.equal(detectProtocol(Buffer.from('GET / '), 0, 6, hello), 'HTTP1');
  assert.equal(hello.problem, null);
});

test('survives the fuzzer', () => {
  fuzz(seededRandom(7), 0);
});

test('remembers who speaks first for its time and within its bound', () => {
  let nowMs = 1000;
  const memory = new ServerFirstMemory({ monotonicMs: () => nowMs, wallMs: () => 0 });
  assert.equal(memory.isServerFirst('a'), false);
  memory.remember('a');
  nowMs += serverFirstMemoryMs - 1;
  assert.equal(memory.isServerFirst('a'), true);
  nowMs += 1;
  assert.equal(memory.isServerFirst('a'), false);

  memory.remember('a');
  memory.clear('a');
  assert.equal(memory.isServerFirst('a'), false);

  memory.remember('a');
  memory.remember('b');
  memory.remember('a');
  for (let i = 0; i < serverFirstMemoryMax - 1; i++) memory.remember(`k${i}`);
  assert.equal(memory.isServerFirst('b'), false, 'the oldest gave way');
  assert.equal(memory.isServerFirst('a'), true);
  memory.remember('one more');
  assert.equal(memory.isServerFirst('a'), false);
});
