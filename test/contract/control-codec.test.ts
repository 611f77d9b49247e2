/**
 * Goal: the control plane's codec reads what Linkerd's bindings write, and the bindings can read
 * what it writes. Method: every case of every message, as bytes and JSON from the bindings.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { equals, fromBinary, fromJson, toBinary, toJson } from '@bufbuild/protobuf';
import { controlSchema } from './control-schemas.ts';
import { readFixtures } from './fixtures.ts';

for (const [type, fixtures] of Map.groupBy(readFixtures(), (fixture) => fixture.type)) {
  test(type, () => {
    const schema = controlSchema(type);
    for (const { case: name, bytes, json, canonical } of fixtures) {
      const message = fromBinary(schema, bytes);
      assert.deepEqual(toJson(schema, message), json, name);
      const known = fromBinary(schema, bytes, { readUnknownFields: false });
      assert.ok(equals(schema, fromJson(schema, json), known), name);
      const written = toBinary(schema, message);
      assert.ok(equals(schema, fromBinary(schema, written), message), name);
      if (canonical) assert.deepEqual(written, bytes, name);
    }
  });
}
