/**
 * Goal: what the field block of a usual request costs to decode: 12 fields, 400 bytes, once all
 * of them indexed and once two of them literals, with and without Huffman coding. Method: the same
 * block over and over, so many times a round that the clock does not matter.
 * The argument is the number of rounds; a line of JSON for each figure goes to stdout.
 */

import { typicalRequest } from '../../../../test/support/typical-request.ts';
import { Decoded, HpackDecoder } from './decode.ts';
import { HpackEncoder } from './encode.ts';

const rounds = Number(process.argv[2] ?? 5);
const callsPerRound = 200_000;

for (const [name, changing] of [
  ['decode a field block of 12 indexed fields', 0],
  ['the same with 2 new literals', 2],
] as const) {
  const decode = createDecode(changing);
  measureNanos(decode);
  const nanos = Array.from({ length: rounds }, () => measureNanos(decode));
  process.stdout.write(`${JSON.stringify({ name, nanos })}\n`);
}

function measureNanos(decode: () => void): number {
  const from = process.hrtime.bigint();
  for (let call = 0; call < callsPerRound; call++) decode();
  return Number(process.hrtime.bigint() - from) / callsPerRound;
}

function createDecode(literals: number): () => void {
  const decoder = new HpackDecoder(4096);
  const encoder = new HpackEncoder(4096);
  const out = Buffer.alloc(8192);
  const block = Buffer.alloc(4096);
  const read = (end: number) => {
    decoder.begin(block, 0, end, out, 0, 8000);
    let left = typicalRequest.length;
    while (decoder.next() === Decoded.FIELD) left--;
    if (left !== 0) throw new Error('not decoded');
  };
  const write = (serial: number) => {
    let at = encoder.begin(block, 0);
    for (const [i, [name, value]] of typicalRequest.entries()) {
      const isNew = i >= typicalRequest.length - literals;
      const line = Buffer.from(`${name}: ${isNew ? serial + value.slice(1) : value}`);
      const n = name.length;
      at = encoder.field(line, 0, n, n + 2, line.length, 0, false, block, at);
    }
    return at;
  };
  let end = 0;
  for (let i = 0; i < 3; i++) {
    end = write(i);
    read(end);
  }
  return () => read(end);
}
