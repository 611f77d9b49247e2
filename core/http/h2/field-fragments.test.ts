/**
 * Goal: the parts of a field block are joined as they came, within the bytes of a head and 64
 * frames. Method: blocks at both bounds, and random cuts.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { h2ContinuationsMax } from '../../base/limits.ts';
import { FieldFragments } from './field-fragments.ts';

test('parts are joined, and only while a block has begun', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: h2ContinuationsMax }),
      (parts) => {
        const fragments = new FieldFragments(10_000);
        fragments.begin(7, true);
        for (const part of parts) {
          const around = Buffer.concat([Buffer.from('<'), part, Buffer.from('>')]);
          assert.equal(fragments.append(around, 1, 1 + part.length), true);
          around.fill(0);
        }
        const joined = fragments.bytes.subarray(0, fragments.length);
        assert.deepEqual(joined, Buffer.concat(parts));
        assert.deepEqual([fragments.streamId, fragments.ends], [7, true]);
        fragments.end();
        assert.equal(fragments.streamId, 0);
      },
    ),
  );
});

test('bytes are bounded exactly', () => {
  const fragments = new FieldFragments(100);
  fragments.begin(1, false);
  assert.equal(fragments.append(Buffer.alloc(60), 0, 60), true);
  assert.equal(fragments.append(Buffer.alloc(40), 0, 40), true);
  assert.equal(fragments.append(Buffer.alloc(1), 0, 1), false);
  fragments.begin(3, false);
  assert.equal(fragments.append(Buffer.alloc(101), 0, 101), false);
});

test('frames are bounded exactly, for each block anew', () => {
  const fragments = new FieldFragments(100);
  for (let block = 1; block < 6; block += 2) {
    fragments.begin(block, false);
    for (let at = 0; at < h2ContinuationsMax; at++) {
      assert.equal(fragments.append(Buffer.alloc(0), 0, 0), true);
    }
    assert.equal(fragments.append(Buffer.alloc(0), 0, 0), false);
  }
});
