/**
 * Goal: the generator stops at what its codec cannot do, instead of writing code that reads it
 * wrongly. Method: messages with one such field each. What it writes is tested in test/contract.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { bufMissing } from '../../test/support/buf.ts';
import { generateProxyCodec } from './proxy-codec.ts';

const description = `
syntax = "proto3";
package io.linkerd.proxy.sample;
message Presence { optional uint32 f = 1; }
message ZigZag { sint32 f = 1; }
message Numbers { repeated uint32 f = 1; }
message Kinds { repeated Kind f = 1; }
message ToNumber { map<string, uint32> f = 1; }
message ByNumber { map<uint32, string> f = 1; }
message Flag { bool f = 1; }
message Texts { repeated string f = 1; }
enum Kind { UNKNOWN = 0; }
`;
const neither = ['Presence', 'ZigZag', 'Numbers', 'Kinds', 'ToNumber', 'ByNumber'];
const onlyRead = ['Flag', 'Texts'];

test('what the codec cannot do is refused by the name of the field', { skip: bufMissing }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sample-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'sample.proto'), description);
  const args = ['build', folder, '--as-file-descriptor-set', '--output', '-'];
  const image = execFileSync('buf', args, { env: { ...process.env, HOME: folder } });
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
  const refusal =
    /^Error: io\.linkerd\.proxy\.sample\.\w+\.f: the proxy's codec cannot do this kind$/;
  for (const name of [...neither, ...onlyRead]) {
    assert.throws(() => generateProxyCodec(registry, [], [`sample.${name}`]), refusal, name);
  }
  for (const name of neither) {
    assert.throws(() => generateProxyCodec(registry, [`sample.${name}`], []), refusal, name);
  }
  for (const name of onlyRead) {
    const texts = generateProxyCodec(registry, [`sample.${name}`], []);
    assert.deepEqual([...texts.keys()], ['sample.ts'], name);
  }
  assert.throws(() => generateProxyCodec(registry, ['sample.Absent'], []), /no message sample/);
});
