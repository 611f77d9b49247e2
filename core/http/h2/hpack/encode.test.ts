/**
 * Goal: the encoder says things as briefly as its policy allows, keeps secrets out of tables, and
 * tells the peer of every size that its table takes on. Method: exact bytes out; what a whole
 * history looks like to a decoder is tested in `roundtrip.test.ts`.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recogniseField } from '../../known-fields.ts';
import { HpackEncoder } from './encode.ts';
import { hashName, hashValue, viewOf } from './words.ts';

test('a field is literal, then added, then an index', () => {
  const encoder = new HpackEncoder(4096);
  assert.equal(write(encoder, 'a: b'), '0001610162');
  assert.equal(write(encoder, 'a: b'), '4001610162');
  assert.equal(write(encoder, 'a: b'), 'be');
  assert.equal(write(encoder, 'c: d'), '0001630164');
  assert.equal(write(encoder, 'c: d'), '4001630164');
  assert.equal(write(encoder, 'a: b'), 'bf');
});

test('names are taken from the tables', () => {
  const encoder = new HpackEncoder(4096);
  assert.equal(write(encoder, 'accept: x'), '0f040178');
  assert.equal(write(encoder, 'www-authenticate: x'), '0f2e0178');
  assert.equal(write(encoder, 'via: x'), '0f2d0178', 'the first of its name');
  write(encoder, 'a: b');
  write(encoder, 'a: b');
  assert.equal(write(encoder, 'a: c'), '0f2f0163');
  assert.equal(write(encoder, 'a: c'), '7e0163');
});

test('names are written in small letters, and found in any', () => {
  const encoder = new HpackEncoder(4096);
  assert.equal(write(encoder, 'X-Ab: B'), '0004782d61620142');
  assert.equal(write(encoder, 'x-aB: B'), '4004782d61620142');
  assert.equal(write(encoder, 'X-AB: B'), 'be');
  assert.equal(write(encoder, 'X-AB: b'), '0f2f0162', 'values are not');
  assert.equal(write(encoder, 'Accept: x'), '0f040178');
  assert.equal(write(encoder, 'User-Agent: x'), '0f2b0178');
});

test('names that differ by one bit are different', () => {
  // `^` and `~` are the letters' case apart, and no letters.
  const encoder = new HpackEncoder(4096);
  const lines = ['a^: x', 'a~: x', 'abcdefgh^: x', 'abcdefgh~: x'];
  for (const line of [...lines, ...lines]) write(encoder, line);
  const written = lines.map((line) => write(encoder, line));
  assert.deepEqual(written.toSorted(), ['be', 'bf', 'c0', 'c1']);
});

test('a name that hashes as one of the static table is not taken for it', () => {
  // CR and the hyphen are the letters' case apart.
  assert.match(write(new HpackEncoder(4096), 'accept\rcharset: x'), /^000e/);
  assert.match(write(new HpackEncoder(4096), 'accept-charset: x'), /^0f00/);
});

test('every entry of a table that has grown is found', () => {
  const encoder = new HpackEncoder(4096);
  const lines = Array.from({ length: 90 }, (_, serial) => `a: ${serial}`);
  for (const line of lines) {
    write(encoder, line);
    write(encoder, line);
  }
  // Not in the order in which they came, so that each is looked for.
  for (let step = 1; step < lines.length; step++) {
    const serial = (step * 37) % lines.length;
    const index = Buffer.from(write(encoder, lines[serial]), 'hex');
    const age = lines.length - 1 - serial;
    const expected = 62 + age < 127 ? [0x80 | (62 + age)] : [0xff, 62 + age - 127];
    assert.deepEqual([...index], expected);
  }
});

test('fields with the same hash are told apart', () => {
  const encoder = new HpackEncoder(4096);
  const lines = findCollision().map((value) => `a: ${value}`);
  for (const line of [...lines, ...lines]) write(encoder, line);
  const written = lines.map((line) => write(encoder, line));
  assert.deepEqual(written.toSorted(), ['be', 'bf']);
});

test('secrets are never indexed, whether the table has them or not', () => {
  const encoder = new HpackEncoder(4096);
  for (let round = 0; round < 3; round++) {
    assert.equal(write(encoder, 'authorization: x'), '1f080178');
    assert.equal(write(encoder, 'proxy-authorization: x'), '1f220178');
    assert.equal(write(encoder, 'cookie: x'), '1f110178');
    assert.equal(write(encoder, 'Set-Cookie: x'), '1f280178');
    assert.equal(write(encoder, 'a: x', true), '1001610178');
  }
  write(encoder, 'a: x');
  assert.equal(write(encoder, 'a: x'), '4001610178');
  assert.equal(write(encoder, 'a: x', true), '1f2f0178');
});

test('a large field is not added', () => {
  const encoder = new HpackEncoder(4096);
  const fits = `a: ${'x'.repeat(1024 - 32 - 1)}`;
  const exceeds = `b: ${'x'.repeat(1024 - 32)}`;
  for (let round = 0; round < 3; round++) {
    write(encoder, fits);
    assert.match(write(encoder, exceeds), /^000162/);
  }
  assert.equal(write(encoder, fits), 'be');
});

test('of values that never come again the table learns the name alone', () => {
  const encoder = new HpackEncoder(4096);
  write(encoder, 'a: b');
  write(encoder, 'a: b');
  assert.match(write(encoder, 'x-request-id: 1'), /^000c/);
  assert.match(write(encoder, 'x-request-id: 2'), /^400c/);
  for (let serial = 3; serial < 10_000; serial++) {
    assert.match(write(encoder, `x-request-id: ${serial * 7919}`), /^0f2f/);
    assert.match(write(encoder, `referer: ${serial * 7919}`), /^0f24/);
  }
  assert.equal(write(encoder, 'a: b'), 'bf');
});

test('a field is found whatever came before it', () => {
  const encoder = new HpackEncoder(4096);
  const lines = ['a: 1', 'b: 2', 'c: 3', 'd: 4'];
  for (const line of [...lines, ...lines]) write(encoder, line);
  const indices = new Map(lines.map((line, row) => [line, (0x80 + 65 - row).toString(16)]));
  for (const first of lines) {
    for (const second of lines) {
      assert.equal(write(encoder, first), indices.get(first));
      assert.equal(write(encoder, second), indices.get(second));
    }
  }
});

test('pseudo-headers', () => {
  const encoder = new HpackEncoder(4096);
  const put = (kind: 'method' | 'scheme' | 'authority' | 'path' | 'protocol', value: string) => {
    const bytes = Buffer.from(`..${value}`, 'latin1');
    const out = Buffer.alloc(100);
    return out.toString('hex', 0, encoder[kind](bytes, 2, bytes.length, out, 0));
  };
  assert.equal(put('method', 'GET'), '82');
  assert.equal(put('method', 'POST'), '83');
  assert.equal(put('method', 'get'), '0203676574');
  assert.equal(put('scheme', 'http'), '86');
  assert.equal(put('scheme', 'https'), '87');
  assert.equal(put('path', '/'), '84');
  assert.equal(put('path', '/index.html'), '85');
  assert.equal(put('path', '/a'), '04022f61');
  assert.equal(put('path', '/a'), '44022f61');
  assert.equal(put('path', '/a'), 'be');
  assert.equal(put('authority', 'web'), '0103776562');
  assert.equal(put('authority', 'web'), '4103776562');
  assert.equal(put('authority', 'web'), 'be');
  assert.equal(put('authority', ''), '0100');
  assert.equal(put('protocol', 'x'), '00093a70726f746f636f6c0178');
  assert.equal(put('protocol', 'x'), '40093a70726f746f636f6c0178');
  assert.equal(put('protocol', 'x'), 'be');
  assert.equal(put('path', '/a'), 'c0');
});

test('statuses', () => {
  const encoder = new HpackEncoder(4096);
  const put = (status: number) => {
    const out = Buffer.alloc(5);
    return out.toString('hex', 0, encoder.status(status, out, 0));
  };
  assert.deepEqual([200, 204, 206, 304, 400, 404, 500].map(put), [
    '88',
    '89',
    '8a',
    '8b',
    '8c',
    '8d',
    '8e',
  ]);
  assert.equal(put(503), '0803353033');
  assert.equal(put(100), '0803313030');
  assert.equal(put(999), '0803393939');
});

test('sizes of the table are told in the next block, the smallest on the way first', () => {
  const encoder = new HpackEncoder(4096);
  assert.equal(update(encoder), '');
  encoder.setPeerMax(4096);
  assert.equal(update(encoder), '');
  encoder.setPeerMax(100_000);
  assert.equal(update(encoder), '', 'our own bound');
  encoder.setPeerMax(100);
  assert.equal(update(encoder), '3f45');
  assert.equal(update(encoder), '');
  encoder.setPeerMax(0);
  encoder.setPeerMax(4096);
  assert.equal(update(encoder), '203fe11f');
  encoder.setPeerMax(2048);
  encoder.setPeerMax(1024);
  encoder.setPeerMax(3000);
  encoder.setPeerMax(2000);
  assert.equal(update(encoder), '3fe1073fb10f');
  encoder.setPeerMax(99);
  encoder.setPeerMax(100);
  assert.equal(update(encoder), '3f443f45');
});

test('a bound of our own below or above the default is told', () => {
  assert.equal(update(new HpackEncoder(0)), '20');
  const large = new HpackEncoder(65_536);
  assert.equal(update(large), '');
  large.setPeerMax(65_536);
  assert.equal(update(large), '3fe1ff03');
});

test('what a smaller table has evicted is not referred to', () => {
  const encoder = new HpackEncoder(4096);
  for (const line of ['a: b', 'a: b', 'c: d', 'c: d']) write(encoder, line);
  encoder.setPeerMax(34);
  assert.equal(update(encoder), '3f03');
  assert.equal(write(encoder, 'c: d'), 'be');
  assert.equal(write(encoder, 'a: b'), '0001610162');
  encoder.setPeerMax(0);
  assert.equal(update(encoder), '20');
  assert.equal(write(encoder, 'c: d'), '0001630164');
  assert.equal(write(encoder, 'c: d'), '0001630164', 'a table of nothing takes nothing');
});

test('where something does not fit nothing has changed', () => {
  const encoder = new HpackEncoder(4096);
  write(encoder, 'a: b');
  const line = Buffer.from('a: b');
  for (let length = 0; length <= 40; length++) {
    const out = Buffer.alloc(length);
    const at = encoder.field(line, 0, 1, 3, 4, 0, false, out, 0);
    if (at < 0) continue;
    assert.equal(out.toString('hex', 0, at), '4001610162');
    break;
  }
  assert.equal(write(encoder, 'a: b'), 'be');
  assert.equal(encoder.field(line, 0, 1, 3, 4, 0, false, Buffer.alloc(0), 0), -1);
  assert.equal(encoder.field(line, 0, 1, 3, 4, 0, true, Buffer.alloc(4), 0), -1);
  assert.equal(encoder.status(200, Buffer.alloc(0), 0), -1);
  assert.equal(encoder.status(503, Buffer.alloc(4), 0), -1);
  assert.equal(encoder.method(Buffer.from('GET'), 0, 3, Buffer.alloc(3), 3), -1);
  encoder.setPeerMax(100);
  assert.equal(encoder.begin(Buffer.alloc(4), 0), -1);
  assert.equal(update(encoder), '3f45');
});

test('a long value has a long length', () => {
  for (const [length, hex] of [
    [126, '7e'],
    [127, '7f00'],
    [254, '7f7f'],
    [255, '7f8001'],
    [65_536, '7f81ff03'],
  ] as const) {
    const written = write(new HpackEncoder(4096), `a: ${'x'.repeat(length)}`);
    assert.equal(written, `000161${hex}${'78'.repeat(length)}`);
  }
});

/** Two values that hash alike under the name `a`. */
function findCollision(): [string, string] {
  const seed = hashName(viewOf(Buffer.from('a')), 0, 1);
  const values = new Map<number, string>();
  for (let serial = 0; ; serial++) {
    const value = (serial * 0x9e3779b97f4a7).toString(36);
    const hash = hashValue(viewOf(Buffer.from(value)), 0, value.length, seed);
    const other = values.get(hash);
    if (other !== undefined && other.length === value.length) return [other, value];
    values.set(hash, value);
  }
}

/** The bytes of one field, given as its line. */
function write(encoder: HpackEncoder, line: string, sensitive = false): string {
  const bytes = Buffer.from(`..${line}\r\n`, 'latin1');
  const nameEnd = bytes.indexOf(': ');
  const known = recogniseField(bytes, 2, nameEnd);
  const out = Buffer.alloc(70_000);
  const end = bytes.length - 2;
  const at = encoder.field(bytes, 2, nameEnd, nameEnd + 2, end, known, sensitive, out, 1);
  return out.toString('hex', 1, at);
}

function update(encoder: HpackEncoder): string {
  const out = Buffer.alloc(20);
  return out.toString('hex', 1, encoder.begin(out, 1));
}
