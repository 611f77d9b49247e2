/**
 * Goal: what the field block of a usual request costs to decode: 12 fields, 400 bytes, once all
 * of them indexed, and once two of them new, with and without Huffman coding. Method: the same
 * block over and over, so many times a round that the clock does not matter.
 * The argument is the number of rounds; a line of JSON for each figure goes to stdout.
 */

import { encodeHuffmanText } from '../../../../test/support/reference-hpack.ts';
import { typicalRequest } from '../../../../test/support/typical-request.ts';
import { Decoded, HpackDecoder } from './decode.ts';

const rounds = Number(process.argv[2] ?? 5);
const callsPerRound = 200_000;
const count = typicalRequest.length;

const figures = [
  { name: 'decode a field block of 12 indexed fields', literals: 0, huffman: false },
  { name: 'the same with 2 literals', literals: 2, huffman: false },
  { name: 'the same with 2 literals, Huffman-coded', literals: 2, huffman: true },
];
for (const { name, literals, huffman } of figures) {
  const decode = createDecode(literals, huffman);
  measureNanos(decode);
  const nanos = Array.from({ length: rounds }, () => measureNanos(decode));
  process.stdout.write(`${JSON.stringify({ name, nanos })}\n`);
}

function measureNanos(decode: () => void): number {
  const from = process.hrtime.bigint();
  for (let call = 0; call < callsPerRound; call++) decode();
  return Number(process.hrtime.bigint() - from) / callsPerRound;
}

/** The last `literals` fields are written out, under a name of the table. */
function createDecode(literals: number, huffman: boolean): () => void {
  const decoder = new HpackDecoder(4096);
  const out = Buffer.alloc(8192);
  const read = (block: Buffer) => {
    decoder.begin(block, 0, block.length, out, 0, 8000);
    let left = count;
    while (decoder.next() === Decoded.FIELD) left--;
    if (left !== 0) throw new Error('not decoded');
  };
  read(Buffer.concat(typicalRequest.map(([name, value]) => literal([0x40], name, value, false))));
  const fields = typicalRequest.map(([, value], field) => {
    const index = 61 + count - field;
    if (field < 2) return Buffer.from([0x80 | (field === 0 ? 2 : 6)]);
    if (field < count - literals) return Buffer.from([0x80 | index]);
    return literal([0x0f, index - 15], '', value, huffman);
  });
  const block = Buffer.concat(fields);
  return () => read(block);
}

function literal(head: readonly number[], name: string, value: string, huffman: boolean): Buffer {
  const bytes = huffman ? encodeHuffmanText(value) : Buffer.from(value);
  const mark = huffman ? 0x80 : 0;
  const named = name === '' ? head : [...head, name.length, ...Buffer.from(name)];
  return Buffer.from([...named, mark | bytes.length, ...bytes]);
}
