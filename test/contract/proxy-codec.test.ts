/**
 * Goal: the proxy's codec reads what Linkerd's bindings write and writes what they read, for all
 * that is in its messages. Method: the cases of the bindings, also those of inner messages, which
 * are put into the outer ones; then messages of any kind, read and written by both of our codecs.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DescMessage, fromBinary, toBinary, toJson } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import * as fc from 'fast-check';
import { apiDepthMax, apiElementsMax } from '../../core/base/limits.ts';
import { messagesOf } from './arbitrary-message.ts';
import { readFixtures } from './fixtures.ts';
import { decoders, encoders, fromControl, toControl } from './proxy-codecs.ts';

/** Linkerd's bindings know nothing of what is ours alone. */
const isForeign = (one: DescMessage): boolean => !one.typeName.startsWith('heddle.');
const fixtures = Map.groupBy(readFixtures(), (fixture) => fixture.type);

for (const { schema, code: decode } of decoders) {
  test(`${schema.typeName}: every case of the bindings is read`, () => {
    let cases = 0;
    for (const { type, path } of pathsInside(schema)) {
      for (const { case: name, bytes, json } of fixtures.get(type.typeName) ?? []) {
        const outer = wrap(path, bytes);
        const read = decode(outer, limits);
        if (typeof read === 'string') assert.fail(`${type.typeName}, ${name}: ${read}`);
        const control = fromBinary(schema, outer, { readUnknownFields: false });
        assert.deepEqual(toControl(schema, read), control, `${type.typeName}, ${name}`);
        if (path.length === 0) assert.deepEqual(toJson(schema, control), json, name);
        cases += 1;
      }
    }
    assert.equal(cases >= 5, isForeign(schema), 'there are cases');
  });

  test(`${schema.typeName}: any message is read as by the other codec`, () => {
    fc.assert(
      fc.property(messagesOf(schema), (message) => {
        const read = decode(toBinary(schema, message), limits);
        assert.deepEqual(read, fromControl(schema, message));
      }),
    );
  });
}

for (const { schema, code: encode } of encoders) {
  test(`${schema.typeName}: every case of the bindings is written`, () => {
    let cases = 0;
    for (const { type, path } of pathsInside(schema)) {
      for (const { case: name, bytes, canonical } of fixtures.get(type.typeName) ?? []) {
        const outer = wrap(path, bytes);
        const control = fromBinary(schema, outer, { readUnknownFields: false });
        const written = encode(fromControl(schema, control));
        assert.deepEqual(fromBinary(schema, written), control, `${type.typeName}, ${name}`);
        if (canonical) assert.deepEqual(written, outer, `${type.typeName}, ${name}`);
        cases += 1;
      }
    }
    assert.equal(cases >= 5, isForeign(schema), 'there are cases');
  });

  test(`${schema.typeName}: any message is written as by the other codec`, () => {
    fc.assert(
      fc.property(messagesOf(schema), (message) => {
        assert.deepEqual(encode(fromControl(schema, message)), toBinary(schema, message));
      }),
    );
  });
}

interface Inside {
  readonly type: DescMessage;
  /** Numbers of the fields that lead there. */
  readonly path: readonly number[];
}

/** `schema`, and each message that it may hold, once and by the shortest way. */
function pathsInside(schema: DescMessage): Inside[] {
  const found: Inside[] = [{ type: schema, path: [] }];
  const seen = new Set([schema]);
  for (const { type, path } of found) {
    for (const { message, number } of type.fields) {
      if (message === undefined || seen.has(message)) continue;
      seen.add(message);
      found.push({ type: message, path: [...path, number] });
    }
  }
  return found;
}

/** Puts bytes into the fields of `path`. */
function wrap(path: readonly number[], bytes: Uint8Array): Uint8Array {
  return path.reduceRight<Uint8Array>((inner, number) => {
    const writer = new BinaryWriter().tag(number, WireType.LengthDelimited);
    return writer.bytes(inner).finish();
  }, bytes);
}

const limits = { depthMax: apiDepthMax, elementsMax: apiElementsMax };
