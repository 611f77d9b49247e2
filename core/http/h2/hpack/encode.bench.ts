/**
 * Goal: what the field block of a usual request costs to encode: 12 fields, 400 bytes, once all
 * of them known to the table and once two of them new each time. Method: the same fields over and
 * over, so many times a round that the clock does not matter; of the new ones some bytes change.
 * The argument is the number of rounds; a line of JSON for each figure goes to stdout.
 */

import { typicalRequest } from '../../../../test/support/typical-request.ts';
import { HpackEncoder } from './encode.ts';

const rounds = Number(process.argv[2] ?? 5);
const callsPerRound = 200_000;

for (const [name, changing] of [
  ['encode a field block of 12 indexed fields', 0],
  ['the same with 2 new literals', 2],
] as const) {
  const encode = createEncode(changing);
  measureNanos(encode);
  const nanos = Array.from({ length: rounds }, () => measureNanos(encode));
  process.stdout.write(`${JSON.stringify({ name, nanos })}\n`);
}

function measureNanos(encode: () => void): number {
  const from = process.hrtime.bigint();
  for (let call = 0; call < callsPerRound; call++) encode();
  return Number(process.hrtime.bigint() - from) / callsPerRound;
}

/** The last `changing` fields have another value at each call. */
function createEncode(changing: number): () => void {
  const encoder = new HpackEncoder(4096);
  const out = Buffer.alloc(4096);
  const bytes = Buffer.from(
    typicalRequest.map(([name, value]) => `${name}: ${value}\r\n`).join(''),
  );
  const starts: number[] = [];
  let start = 0;
  for (const [name, value] of typicalRequest) {
    starts.push(start, start + name.length, start + name.length + 2);
    start += name.length + 2 + value.length;
    starts.push(start);
    start += 2;
  }
  const ranges = Int32Array.from(starts);
  const count = typicalRequest.length;
  let serial = 0;
  return () => {
    serial = (serial + 1) | 0;
    for (let field = count - changing; field < count; field++) {
      bytes.writeInt32LE(serial | 0x20202020, ranges[field * 4 + 2] + 4);
    }
    let at = encoder.begin(out, 0);
    at = encoder.method(bytes, ranges[2], ranges[3], out, at);
    at = encoder.scheme(bytes, ranges[6], ranges[7], out, at);
    at = encoder.authority(bytes, ranges[10], ranges[11], out, at);
    at = encoder.path(bytes, ranges[14], ranges[15], out, at);
    for (let i = 16; i < count * 4; i += 4) {
      const [a, b, c, d] = [ranges[i], ranges[i + 1], ranges[i + 2], ranges[i + 3]];
      at = encoder.field(bytes, a, b, c, d, 0, false, out, at);
    }
    if (at <= 0) throw new Error('not encoded');
  };
}
