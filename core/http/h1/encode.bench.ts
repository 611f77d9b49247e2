/**
 * Goal: what one request head costs to decode and encode, with nothing and with something left
 * out. Method: the same bytes over and over, so many times a round that the clock does not matter.
 * The argument is the number of rounds; a line of JSON for each figure goes to stdout.
 */

import { headBytesMax, headFieldsMax } from '../../base/limits.ts';
import { Head } from '../head.ts';
import { markHopByHop } from '../hop-by-hop.ts';
import { decodeRequestHead } from './decode-head.ts';
import { encodeRequestHead } from './encode.ts';

const rounds = Number(process.argv[2] ?? 5);
const callsPerRound = 200_000;
const small = 'GET /index.html HTTP/1.1\r\nHost: web\r\nUser-Agent: wrk\r\nAccept: */*\r\n';
const large = `${small}${'X-Header: 0123456789012345678901234567890123456789\r\n'.repeat(18)}`;

const figures = [
  { name: 'decode and encode 73 bytes', bytes: Buffer.from(`${small}\r\n`) },
  { name: 'with Connection left out', bytes: Buffer.from(`${small}Connection: close\r\n\r\n`) },
  { name: 'decode and encode 1 KiB', bytes: Buffer.from(`${large}\r\n`) },
];

for (const { name, bytes } of figures) {
  measureNanos(bytes);
  const nanos = Array.from({ length: rounds }, () => measureNanos(bytes));
  process.stdout.write(`${JSON.stringify({ name, nanos })}\n`);
}

function measureNanos(bytes: Buffer): number {
  const head = new Head();
  const limits = { headBytesMax, headFieldsMax };
  const out = Buffer.alloc(4096);
  const from = process.hrtime.bigint();
  for (let call = 0; call < callsPerRound; call++) {
    decodeRequestHead(bytes, 0, bytes.length, limits, head);
    markHopByHop(head, true);
    encodeRequestHead(head, out, 0, '');
  }
  return Number(process.hrtime.bigint() - from) / callsPerRound;
}
