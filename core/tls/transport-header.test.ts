/**
 * Goal: transport headers are the bytes that Linkerd's proxies write and read, nothing else is
 * taken for one, and no header is longer than its bound. Method: bytes written by hand, every cut
 * of them, and the fuzzer.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../base/random.ts';
import { fuzz } from './transport-header.fuzz.ts';
import {
  decodeTransportHeader,
  encodeTransportHeader,
  type TransportHeader,
  transportProtocol,
} from './transport-header.ts';

const line = Buffer.from('transport.l5d.io/v1\r\n\r\n');

function framed(hex: string): Buffer {
  const message = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return Buffer.concat([line, length, message]);
}

const headers: readonly (readonly [hex: string, header: TransportHeader])[] = [
  ['08903f', { port: 8080, name: '', session: null }],
  ['0850 1a020a00', { port: 80, name: '', session: 'http1' }],
  ['08ffff03 1a021200', { port: 65_535, name: '', session: 'http2' }],
  ['0801 12087765622e64656d6f', { port: 1, name: 'web.demo', session: null }],
];

test('a header is the bytes of Linkerd, both ways', () => {
  assert.equal(transportProtocol.toString('latin1'), '\x13transport.l5d.io/v1');
  for (const [hex, header] of headers) {
    const bytes = framed(hex);
    assert.equal(encodeTransportHeader(header).toString('hex'), bytes.toString('hex'));
    assert.deepEqual(decodeTransportHeader(bytes, 0, bytes.length), { header, end: bytes.length });
    for (let cut = 0; cut < bytes.length; cut++) {
      assert.equal(decodeTransportHeader(bytes, 0, cut), 'NEED_MORE', `${hex} until ${cut}`);
    }
  }
});

test('what protobuf allows is understood', () => {
  const session = (hex: string) => decodeTransportHeader(framed(hex), 0, framed(hex).length);
  const allowed: readonly (readonly [hex: string, header: TransportHeader])[] = [
    // Fields in another order, twice, unknown ones, an empty session, both sessions.
    ['1a020a00 0850', { port: 80, name: '', session: 'http1' }],
    ['0801 0850', { port: 80, name: '', session: null }],
    ['0850 2204deadbeef', { port: 80, name: '', session: null }],
    ['0850 1a00', { port: 80, name: '', session: null }],
    ['0850 1a040a001200', { port: 80, name: '', session: 'http2' }],
    ['0850 1a020a00 1a00', { port: 80, name: '', session: 'http1' }],
  ];
  for (const [hex, header] of allowed) {
    assert.deepEqual(session(hex), { header, end: framed(hex).length }, hex);
  }
});

test('bytes behind a header belong to the stream', () => {
  const header = encodeTransportHeader({ port: 80, name: '', session: null });
  const bytes = Buffer.concat([Buffer.from('xx'), header, Buffer.from('GET /')]);
  const decoded = decodeTransportHeader(bytes, 2, bytes.length);
  assert.ok(typeof decoded === 'object' && 'header' in decoded);
  assert.equal(bytes.toString('latin1', decoded.end), 'GET /');
});

test('what is no header is refused by the first byte that shows it', () => {
  const cases: readonly (readonly [bytes: Buffer, malformed: string])[] = [
    [Buffer.from('G'), 'it does not begin with transport.l5d.io/v1'],
    [Buffer.from('transport.l5d.io/v1\n'), 'it does not begin with transport.l5d.io/v1'],
    [Buffer.from('TRANSPORT.L5D.IO/V1'), 'it does not begin with transport.l5d.io/v1'],
    [Buffer.concat([line, Buffer.from('ffffffff', 'hex')]), 'its message has 4294967295 bytes'],
    [Buffer.concat([line, Buffer.from('0000ffe6', 'hex')]), 'its message has 65510 bytes'],
    [framed(''), 'its port is 0'],
    [framed('0800'), 'its port is 0'],
    [framed('08808004'), 'its port is 65536'],
    [framed(`08${'ff'.repeat(9)}01`), 'its port is -1'],
    [framed('0850 1205776562'), 'its message is malformed: truncated'],
    [framed('0850 1202ff80'), 'its message is malformed: bad-text'],
    [framed('0850 1a'), 'its message is malformed: truncated'],
    [framed('0850 0700'), 'its message is malformed: bad-tag'],
    [framed(`0850${'23'.repeat(20)}`), 'its message is malformed: too-deep'],
  ];
  for (const [bytes, malformed] of cases) {
    assert.deepEqual(decodeTransportHeader(bytes, 0, bytes.length), { malformed });
  }
});

test('the largest message is waited for, and none beyond it', () => {
  const name = 'a'.repeat(65_536 - line.length - 4 - 2 - 4);
  const bytes = encodeTransportHeader({ port: 80, name, session: null });
  assert.equal(bytes.length, 65_536);
  assert.equal(decodeTransportHeader(bytes, 0, bytes.length - 1), 'NEED_MORE');
  assert.ok(typeof decodeTransportHeader(bytes, 0, bytes.length) === 'object');
});

test('mutated headers', () => fuzz(seededRandom(6), 0));
