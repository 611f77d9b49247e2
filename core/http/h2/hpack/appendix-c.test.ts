/**
 * Goal: the examples of RFC 7541 appendix C are read byte for byte, and the table behind them has
 * the size that the RFC states. Method: each block as it is printed, one decoder a series.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decoded, HpackDecoder } from './decode.ts';

interface Block {
  readonly hex: string;
  readonly fields: readonly string[];
}

const requests: readonly (readonly string[])[] = [
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
  [
    ':method: GET',
    ':scheme: http',
    ':path: /',
    ':authority: www.example.com',
    'cache-control: no-cache',
  ],
  [
    ':method: GET',
    ':scheme: https',
    ':path: /index.html',
    ':authority: www.example.com',
    'custom-key: custom-value',
  ],
];

test('C.2', () => {
  decodeSeries(4096, [
    {
      hex: '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      fields: ['custom-key: custom-header'],
    },
    { hex: '040c 2f73 616d 706c 652f 7061 7468', fields: [':path: /sample/path'] },
    { hex: '1008 7061 7373 776f 7264 0673 6563 7265 74', fields: ['password: secret'] },
    { hex: '82', fields: [':method: GET'] },
  ]);
});

test('C.3 and C.4', () => {
  decodeSeries(4096, [
    { hex: '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d', fields: requests[0] },
    { hex: '8286 84be 5808 6e6f 2d63 6163 6865', fields: requests[1] },
    {
      hex: '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      fields: requests[2],
    },
  ]);
  decodeSeries(4096, [
    { hex: '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff', fields: requests[0] },
    { hex: '8286 84be 5886 a8eb 1064 9cbf', fields: requests[1] },
    {
      hex: '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      fields: requests[2],
    },
  ]);
});

function decodeSeries(tableBytesMax: number, blocks: readonly Block[]): void {
  const decoder = new HpackDecoder(tableBytesMax);
  const out = Buffer.alloc(8192);
  for (const { hex, fields } of blocks) {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    decoder.begin(bytes, 0, bytes.length, out, 0, 8000);
    for (const field of fields) {
      assert.equal(decoder.next(), Decoded.FIELD);
      assert.equal(out.toString('latin1', decoder.nameStart, decoder.position), `${field}\r\n`);
    }
    assert.equal(decoder.next(), Decoded.END);
  }
}
