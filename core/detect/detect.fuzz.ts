/**
 * Attacks detection with mutated hellos, request lines and garbage: it must not throw, must not
 * read outside its range, must end at its budget, and must not change an answer it has given.
 */

import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { detectBytesMax } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { createClientHello, detectProtocol } from './detect.ts';

export const name = 'detect';

export function fuzz(random: Random, seconds: number): void {
  const stopMs = systemClock.monotonicMs() + seconds * 1000;
  do {
    for (let round = 0; round < 200; round++) attack(mutate(seed(random), random), random);
  } while (systemClock.monotonicMs() < stopMs);
}

function attack(input: Buffer, random: Random): void {
  const hello = createClientHello();
  const whole = detectProtocol(input, 0, input.length, hello);
  const summary = JSON.stringify([whole, hello]);
  assert(whole !== 'NEED_MORE' || input.length < detectBytesMax, 'detection ends at its budget');
  assert(hello.sni === null || /^[a-z0-9._-]{1,253}$/.test(hello.sni), 'a name is a DNS name');

  const shifted = Buffer.concat([Buffer.from('GET / HTTP/1.1\r\n'), input, noise(random, 64)]);
  const again = detectProtocol(shifted, 16, 16 + input.length, hello);
  assert(JSON.stringify([again, hello]) === summary, 'bytes outside the range change nothing');

  for (let step = 0; step < 8; step++) {
    const cut = random.uint32() % (input.length + 1);
    const part = detectProtocol(input, 0, cut, hello);
    assert(part === 'NEED_MORE' || JSON.stringify([part, hello]) === summary, `stable at ${cut}`);
  }
}

function seed(random: Random): Buffer {
  const kind = random.uint32() % 4;
  if (kind === 0) return noise(random, 1 + (random.uint32() % 70_000));
  if (kind === 1) return splitRecords(Buffer.from(helloHex, 'hex'), 1 + (random.uint32() % 80));
  const text = texts[random.uint32() % texts.length];
  return Buffer.from(text.padEnd(random.uint32() % 20_000, 'a'), 'latin1');
}

function mutate(bytes: Buffer, random: Random): Buffer {
  const edits = random.uint32() % 4;
  for (let edit = 0; edit < edits && bytes.length > 0; edit++) {
    bytes[random.uint32() % Math.min(bytes.length, 200)] = random.uint32() & 255;
  }
  return bytes;
}

function noise(random: Random, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = random.uint32() >>> 24;
  return bytes;
}

function splitRecords(handshake: Buffer, size: number): Buffer {
  const out: Buffer[] = [];
  for (let at = 0; at < handshake.length; at += size) {
    const part = handshake.subarray(at, at + size);
    out.push(Buffer.from([0x16, 3, 1, 0, part.length]), part);
  }
  return Buffer.concat(out);
}

/** A ClientHello for `web.mesh` with ALPN h2 and http/1.1. */
const helloHex = [
  `010000550303${'07'.repeat(32)}00000213010100`,
  '002a0000000d000b0000087765622e6d657368',
  '0010000e000c02683208687474702f312e31',
  '002b0003020304',
].join('');
const texts = [
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'GET / HTTP/1.1\r\nhost: web\r\n\r\n',
  'PURGE http://web/ HTTP/1.1\r\n\r\n',
  '\r\n\r\nCONNECT users:80 HTTP/1.1\r\n\r\n',
  'get key\r\n',
  'UNKNOWN ',
];
