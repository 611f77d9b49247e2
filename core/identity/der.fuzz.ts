/**
 * Attacks the readers of certificates with mutated ones and with garbage: none of them may throw,
 * what they say may not depend on bytes around, and a name is printable.
 */

import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { parseCertificate, readBundle } from './certificate.ts';
import { createKey, createRequest, isRequestFor } from './csr.ts';
import { readElement } from './der.ts';
import { encodeBitString, encodeElement, encodeOid, encodeSequence } from './der-write.ts';
import { checkLeaf } from './leaf.ts';
import { readSubjectNames } from './san.ts';
import { readTokenHints } from './token.ts';

export const name = 'identity';

export function fuzz(random: Random, seconds: number): void {
  const stopMs = systemClock.monotonicMs() + seconds * 1000;
  const key = createKey();
  do {
    for (let round = 0; round < 200; round++) {
      const seed = random.uint32() % 2 === 0 ? certificate(random) : createRequest('web.demo', key);
      const input = mutate(seed, random);
      try {
        attack(input, key, random);
      } catch (error) {
        throw Object.assign(error as Error, { input });
      }
    }
  } while (systemClock.monotonicMs() < stopMs);
}

function attack(input: Buffer, key: ReturnType<typeof createKey>, random: Random): void {
  const names = readSubjectNames(input);
  for (const one of names?.names ?? []) assert(/^[!-~]+$/.test(one.name), 'a name is printable');
  const around = Buffer.concat([noise(random, 9), input, noise(random, 9)]);
  const again = readSubjectNames(around.subarray(9, 9 + input.length));
  assert(JSON.stringify(again) === JSON.stringify(names), 'bytes around change nothing');
  const element = readElement(input, 0, input.length);
  assert(element === null || element.end <= input.length, 'a value lies inside');
  isRequestFor(input, key);
  readTokenHints(input.toString('latin1'));
  const parsed = parseCertificate(input);
  assert(parsed === null || parsed.der.equals(input), 'a certificate is all of its bytes');
  const bundle = readBundle([input]);
  if (typeof bundle === 'string') return;
  const question = { leaf: input, intermediates: [input], bundle, name: 'web.demo', key };
  checkLeaf({ ...question, nowWallMs: systemClock.wallMs() });
}

/** Certificates as they might be, without a signature that is good. */
function certificate(random: Random): Buffer {
  const names = encodeSequence(
    general(0x82),
    general([0x82, 0x86, 0x81, 0xa0][random.uint32() % 4]),
  );
  const constraints = encodeSequence(encodeElement(0x01, Buffer.from([0xff])));
  const extensions = encodeSequence(
    encodeSequence(encodeOid('551d11'), encodeElement(0x04, names)),
    encodeSequence(encodeOid('551d13'), encodeElement(0x04, constraints)),
  );
  const time = encodeElement(0x17, Buffer.from('260101000000Z'));
  const algorithm = encodeSequence(encodeOid('2a8648ce3d040302'));
  const point = Buffer.from(pointHex, 'hex');
  const publicKey = encodeSequence(
    encodeSequence(encodeOid('2a8648ce3d0201'), encodeOid('2a8648ce3d030107')),
    encodeBitString(point),
  );
  const tbs = encodeSequence(
    encodeElement(0xa0, encodeElement(0x02, Buffer.from([2]))),
    encodeElement(0x02, Buffer.from([7])),
    algorithm,
    encodeSequence(),
    encodeSequence(time, time),
    encodeSequence(),
    publicKey,
    encodeElement(0xa3, extensions),
  );
  return encodeSequence(tbs, algorithm, encodeBitString(noise(random, 70)));
}

function general(tag: number): Buffer {
  return encodeElement(tag, Buffer.from('web.demo'));
}

function mutate(bytes: Buffer, random: Random): Buffer {
  const edits = random.uint32() % 4;
  for (let edit = 0; edit < edits; edit++) bytes[random.uint32() % bytes.length] = random.uint32();
  const kind = random.uint32() % 8;
  if (kind === 0) return bytes.subarray(0, random.uint32() % bytes.length);
  if (kind === 1) return Buffer.concat([bytes, noise(random, 1 + (random.uint32() % 4))]);
  return bytes;
}

function noise(random: Random, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = random.uint32() >>> 24;
  return bytes;
}

/** The public key of RFC 6979, A.2.5. */
const pointHex = [
  '04',
  '60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6',
  '7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299',
].join('');
