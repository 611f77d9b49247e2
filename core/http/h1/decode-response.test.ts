/**
 * Goal: a response that can be read in two ways is refused. Method: every case of the shared list,
 * whole and split at every byte, against the head that a client would see.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { responseCases } from '../../../test/support/response-cases.ts';
import { Framing, Head, Method } from '../head.ts';
import { markHopByHop } from '../hop-by-hop.ts';
import { decodeResponseHead } from './decode-head.ts';
import { encodeResponseHead } from './encode.ts';
import { headErrorTraits } from './head-error.ts';

const limits = { headBytesMax: 64 * 1024, headFieldsMax: 100 };

test('responses are refused or passed on in one form', () => {
  const head = new Head();
  for (const { name, method, response, expected } of responseCases()) {
    const asked = method === 'HEAD' ? Method.HEAD : Method.GET;
    const bytes = Buffer.from(response, 'latin1');
    for (let split = 0; split < bytes.length; split++) {
      const early = split === 0 ? 0 : decodeResponseHead(bytes, 0, split, limits, asked, head);
      const end = early || decodeResponseHead(bytes, 0, bytes.length, limits, asked, head);
      const title = `${name}, split at ${split}`;
      if (expected === null) {
        assert.ok(end < 0, title);
        assert.match(headErrorTraits(end).upstream, /^UPSTREAM_(MALFORMED|HEAD_TOO_LARGE)$/);
      } else {
        assert.equal(early, 0, title);
        assert.equal(end, bytes.length, title);
        assert.equal(encode(head), expected, title);
      }
    }
  }
});

function encode(head: Head): string {
  markHopByHop(head, false);
  const out = Buffer.alloc(2048);
  const framing = head.framing === Framing.CLOSE ? Framing.CHUNKED : head.framing;
  return out.toString('latin1', 0, encodeResponseHead(head, out, 0, 1, false, framing, ''));
}
