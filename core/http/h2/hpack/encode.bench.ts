/**
 * Goal: what the field block of a usual request costs to encode: 12 fields, 400 bytes, once all
 * of them known to the table and once two of them new each time. Method: the same fields over and
 * over, so many times a round that the clock does not matter; the new values come from many copies.
 * The argument is the number of rounds; a line of JSON for each figure goes to stdout.
 */

import { typicalRequest } from '../../../../test/support/typical-request.ts';
import { HpackEncoder } from './encode.ts';

const rounds = Number(process.argv[2] ?? 5);
const callsPerRound = 200_000;
const copies = 1000;

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

/** The last `changing` fields have another value at each call, the same one every 1000 calls. */
function createEncode(changing: number): () => void {
  const encoder = new HpackEncoder(4096);
  const out = Buffer.alloc(4096);
  const count = typicalRequest.length;
  const lines = Array.from({ length: copies }, (_, copy) =>
    typicalRequest.map(([name, value], field) => {
      const isNew = field >= count - changing;
      return [name, isNew ? `${copy}${value.slice(String(copy).length)}` : value] as const;
    }),
  );
  const bytes = Buffer.from(
    lines
      .flat()
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join(''),
  );
  const length = bytes.length / copies;
  const ranges = rangesOf(typicalRequest);
  let copy = 0;
  return () => {
    copy = (copy + 1) % copies;
    const start = copy * length;
    const range = (column: number) => start + ranges[column];
    let at = encoder.begin(out, 0);
    at = encoder.method(bytes, range(2), range(3), out, at);
    at = encoder.scheme(bytes, range(6), range(7), out, at);
    at = encoder.authority(bytes, range(10), range(11), out, at);
    at = encoder.path(bytes, range(14), range(15), out, at);
    for (let i = 16; i < count * 4; i += 4) {
      const [nameStart, nameEnd] = [range(i), range(i + 1)];
      const [valueStart, valueEnd] = [range(i + 2), range(i + 3)];
      at = encoder.field(bytes, nameStart, nameEnd, valueStart, valueEnd, 0, false, out, at);
    }
    if (at <= 0) throw new Error('not encoded');
  };
}

/** Where names and values begin and end in the lines of `fields`. */
function rangesOf(fields: readonly (readonly [name: string, value: string])[]): Int32Array {
  let end = 0;
  const ranges = fields.flatMap(([name, value]) => {
    const start = end;
    const valueStart = start + name.length + 2;
    end = valueStart + value.length + 2;
    return [start, start + name.length, valueStart, end - 2];
  });
  return Int32Array.from(ranges);
}
