/**
 * Goal: a stream is found by its id as long as it is here, whatever ids there are. Method: random
 * steps beside a Map, with ids among them that all have the first slot in tables of every size.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Stream } from './stream.ts';
import { StreamTable } from './stream-table.ts';

/** Their hashes begin with zeros. */
const crowded = Array.from({ length: 100_000 }, (_, index) => index + 1).filter(
  (id) => Math.imul(id, 0x9e3779b1) >>> 20 === 0,
);
const ids = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constantFrom(...crowded));

test('a table has what a Map has', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), ids), { maxLength: 300 }), (steps) => {
      const table = new StreamTable();
      const map = new Map<number, Stream>();
      for (const [adds, id] of steps) {
        const known = map.get(id);
        if (known === undefined && adds) {
          const stream = createStream(id);
          table.add(stream);
          map.set(id, stream);
        } else if (known !== undefined && !adds) {
          assert.ok(table.remove(known));
          assert.equal(table.remove(known), false);
          map.delete(id);
        }
        assert.equal(table.find(id), map.get(id) ?? null);
        assert.equal(table.size, map.size);
      }
      for (const [id, stream] of map) assert.equal(table.find(id), stream);
      assert.deepEqual(new Set(table.list()), new Set(map.values()));
    }),
  );
});

test('a stream whose id another one has now is not here', () => {
  const table = new StreamTable();
  table.add(createStream(3));
  assert.equal(table.remove(createStream(3)), false);
  assert.equal(table.size, 1);
});

/** Of a stream only its id is looked at. */
function createStream(id: number): Stream {
  return { id } as Stream;
}
