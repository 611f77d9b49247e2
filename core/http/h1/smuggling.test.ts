/**
 * Goal: of the attack classes 1-14, what can be decided from bytes is decided right: refused with
 * the right status, or forwarded as exactly one message. Method: every case of the shared list
 * through decoder and encoder, whole and in parts, against the bytes an origin would see.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sentTrailers } from '../../../test/support/sent-trailers.ts';
import type { SmugglingCase } from '../../../test/support/smuggling-case.ts';
import { smugglingCases } from '../../../test/support/smuggling-cases.ts';
import type { ErrorCode } from '../../base/errors.ts';
import { Framing, Head } from '../head.ts';
import { markHopByHop } from '../hop-by-hop.ts';
import { BodyDecoder, BodyEvent } from './decode-body.ts';
import { decodeRequestHead } from './decode-head.ts';
import { chunkHeaderBytesMax, encodeChunkHeader, encodeRequestHead } from './encode.ts';
import { headErrorTraits } from './head-error.ts';

const limits = { headBytesMax: 64 * 1024, headFieldsMax: 100 };
const cases = smugglingCases();
const out = Buffer.alloc(2 * 1024 * 1024);

test('the list covers every class that requests alone can show', () => {
  const rows = new Set(cases.map(({ row }) => row));
  assert.deepEqual(
    [...rows].toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14],
  );
  assert.ok(cases.length > 2500, `${cases.length} cases`);
  const names = new Set(cases.map(({ row, name }) => `${row} ${name}`));
  assert.equal(names.size, cases.length, 'every case has a name of its own');
});

for (const row of new Set(cases.map((each) => each.row))) {
  test(`class ${row}: the answer, and what an origin sees`, () => {
    for (const each of cases) if (each.row === row) check(each);
  });
}

test('no way to split the bytes changes the outcome', () => {
  const head = new Head();
  for (const { name, request } of cases) {
    if (request.length > 150) continue;
    const bytes = Buffer.from(request, 'latin1');
    const whole = summarise(forward([bytes], head));
    for (let at = 1; at < bytes.length; at++) {
      const parts = [bytes.subarray(0, at), bytes.subarray(at)];
      const split = summarise(forward(parts, head));
      if (split !== whole) assert.equal(split, whole, `${name}, split at ${at}`);
    }
    const single = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
    assert.equal(summarise(forward(single, head)), whole, `${name}, byte by byte`);
  }
});

test('a drip of single bytes costs little more than the head', () => {
  const head = new Head();
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(60_000)}\r\n\r\n`);
  for (let end = 1; end < bytes.length; end++) {
    const result = decodeRequestHead(bytes, 0, end, limits, head);
    if (result !== 0) assert.equal(result, 0, `at ${end}`);
    if (head.scanned !== end) assert.equal(head.scanned, end);
  }
  assert.equal(decodeRequestHead(bytes, 0, bytes.length, limits, head), bytes.length);
});

test('an unfinished head is refused as soon as it reaches the limit', () => {
  const small = { headBytesMax: 64, headFieldsMax: 2 };
  const head = new Head();
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(100)}`);
  assert.equal(decodeRequestHead(bytes, 0, 63, small, head), 0);
  const code = decodeRequestHead(bytes, 0, 64, small, head);
  assert.equal(headErrorTraits(code).error, 'HEAD_TOO_LARGE');
  const line = Buffer.from(`GET /${'y'.repeat(100)}`);
  assert.equal(headErrorTraits(decodeRequestHead(line, 0, 99, small, head)).error, 'URI_TOO_LONG');
});

interface Outcome {
  /** 0 when the request was forwarded. */
  status: number;
  origin: string;
  head: string;
  content: string;
  trailers: string;
}

function check({ name, request, expected }: SmugglingCase): void {
  const head = new Head();
  const outcome = forward([Buffer.from(request, 'latin1')], head);
  if ('origin' in expected) {
    assert.equal(outcome.status, 0, `${name} is forwarded`);
    assert.equal(outcome.origin, expected.origin, name);
  } else {
    assert.equal(outcome.status, expected.status, name);
    assert.equal(outcome.origin, expected.originHead, name);
  }
}

function summarise({ status, head, content, trailers }: Outcome): string {
  return [status, head, content, trailers].join('|');
}

/** What a proxy of nothing but this codec would do with a request that arrives in these parts. */
function forward(parts: readonly Buffer[], head: Head): Outcome {
  const outcome: Outcome = { status: 0, origin: '', head: '', content: '', trailers: '' };
  let pending: Buffer = Buffer.alloc(0);
  let body: BodyDecoder | null = null;
  head.scanned = 0;
  for (const part of parts) {
    let at = 0;
    let bytes = part;
    if (body === null) {
      bytes = pending.length === 0 ? part : Buffer.concat([pending, part]);
      const end = decodeRequestHead(bytes, 0, bytes.length, limits, head);
      if (end < 0) return { ...outcome, status: statusOf(end) };
      pending = bytes;
      if (end === 0) continue;
      at = end;
      markHopByHop(head, true);
      const encoded = encodeRequestHead(head, out, 0, '');
      outcome.head = out.toString('latin1', 0, encoded);
      outcome.origin = outcome.head;
      body = new BodyDecoder(limits);
      body.reset(head.framing, head.contentLength);
    }
    const error = forwardBody(body, bytes, at, head.framing === Framing.CHUNKED, outcome);
    if (error !== 0) return { ...outcome, status: statusOf(error) };
  }
  if (body === null) outcome.status = -1;
  return outcome;
}

function forwardBody(
  body: BodyDecoder,
  bytes: Buffer,
  start: number,
  chunked: boolean,
  outcome: Outcome,
): number {
  let at = start;
  for (;;) {
    const event = body.next(bytes, at, bytes.length);
    at = body.position;
    if (event === BodyEvent.DATA) {
      const content = bytes.toString('latin1', body.dataStart, body.dataEnd);
      outcome.content += content;
      const header = Buffer.alloc(chunkHeaderBytesMax);
      const end = encodeChunkHeader(content.length, header, 0);
      outcome.origin += chunked ? `${header.toString('latin1', 0, end)}${content}\r\n` : content;
    } else if (event === BodyEvent.TRAILERS) {
      outcome.trailers = sentTrailers(body.trailers);
    } else if (event === BodyEvent.END) {
      if (chunked) outcome.origin += `0\r\n${outcome.trailers}\r\n`;
      return 0;
    } else {
      return event === BodyEvent.ERROR ? body.error : 0;
    }
  }
}

function statusOf(code: number): number {
  const status = statuses.get(headErrorTraits(code).error);
  assert.ok(status !== undefined, `a status for ${code}`);
  return status;
}

/** As the table of responses in `core/proxy` has them. */
const statuses: ReadonlyMap<ErrorCode, number> = new Map([
  ['BAD_REQUEST', 400],
  ['BODY_FRAMING', 400],
  ['URI_TOO_LONG', 414],
  ['EXPECTATION_FAILED', 417],
  ['HEAD_TOO_LARGE', 431],
  ['TOO_MANY_FIELDS', 431],
  ['NOT_IMPLEMENTED', 501],
  ['VERSION_NOT_SUPPORTED', 505],
]);
