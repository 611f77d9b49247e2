/**
 * Goal: frames are read and written as RFC 9113 has them, and what is wrong with one is said by
 * name. Method: exact bytes in hexadecimal, both ways; every bound from both sides.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertWrites, frameOf } from '../../../../test/support/frame-hex.ts';
import { Violation } from '../violation.ts';
import { loadContinuation } from './continuation.ts';
import { encodeDataHead, loadData } from './data.ts';
import { encodeGoaway, Goaway } from './goaway.ts';
import { encodeFrameHead, FrameHead, frameHeadBytes } from './head.ts';
import { encodeHeaders, loadHeaders } from './headers.ts';
import { Payload } from './payload.ts';
import { encodePing, loadPing } from './ping.ts';
import { loadPriority } from './priority.ts';
import { encodeRstStream, loadRstStream } from './rst-stream.ts';
import { encodeWindowUpdate, loadWindowUpdate } from './window-update.ts';

test('a head is read without its reserved bit, and written', () => {
  const head = new FrameHead();
  assert.equal(head.read(Buffer.from('ff000102f7a5ff000003', 'hex'), 1, 258), 0);
  const { length, type, flags, streamId } = head;
  assert.deepEqual([length, type, flags, streamId], [258, 0xf7, 0xa5, 0x7f000003]);
  assertWrites('fedcba 09 04 7fffffff', (out) =>
    encodeFrameHead(0xfedcba, 9, 4, 0x7fffffff, out, 0),
  );
  assert.equal(encodeFrameHead(0, 0, 0, 0, Buffer.alloc(8), 0), -1);
});

test('a frame may be as long as we announced', () => {
  const head = new FrameHead();
  const at = (length: number) => {
    const bytes = Buffer.alloc(frameHeadBytes);
    encodeFrameHead(length, 0, 0, 1, bytes, 0);
    return head.read(bytes, 0, 16_384);
  };
  assert.equal(at(16_384), 0);
  assert.equal(at(16_385), Violation.FRAME_TOO_LARGE);
});

test('DATA', () => {
  assert.equal(dataOf('000003 00 00 00000001 616263'), 'abc');
  assert.equal(dataOf('000000 00 01 00000001'), '');
  assert.equal(dataOf('000006 00 08 00000001 02 616263 0000'), 'abc');
  assert.equal(dataOf('000003 00 08 00000001 02 0000'), '');
  assert.equal(dataOf('000003 00 08 00000001 03 0000'), Violation.DATA_PADDING);
  assert.equal(dataOf('000001 00 08 00000001 00'), '');
  assert.equal(dataOf('000000 00 08 00000001'), Violation.DATA_TOO_SHORT);
  assert.equal(dataOf('000001 00 00 00000000 61'), Violation.DATA_STREAM);
  assertWrites('000003 00 00 00000001', (out) => encodeDataHead(3, 1, false, out, 0));
  assertWrites('000000 00 01 00000005', (out) => encodeDataHead(0, 5, true, out, 0));
  assert.equal(encodeDataHead(0, 5, true, Buffer.alloc(8), 0), -1);
});

test('HEADERS', () => {
  assert.equal(fragmentOf('000003 01 05 00000001 616263'), 'abc');
  assert.equal(fragmentOf('000006 01 0d 00000001 02 616263 0000'), 'abc');
  assert.equal(fragmentOf('000008 01 25 00000001 80000003 ff 616263'), 'abc');
  assert.equal(fragmentOf('00000b 01 2d 00000001 02 00000003 ff 616263 0000'), 'abc');
  assert.equal(fragmentOf('000008 01 2d 00000001 02 00000003 ff 0000'), '');
  assert.equal(fragmentOf('000008 01 2d 00000001 03 00000003 ff 0000'), Violation.HEADERS_PADDING);
  assert.equal(fragmentOf('000003 01 0d 00000001 03 0000'), Violation.HEADERS_PADDING);
  assert.equal(fragmentOf('000000 01 0d 00000001'), Violation.HEADERS_TOO_SHORT);
  assert.equal(fragmentOf('000004 01 25 00000001 00000003'), Violation.HEADERS_TOO_SHORT);
  assert.equal(fragmentOf('000005 01 2d 00000001 00 00000003'), Violation.HEADERS_TOO_SHORT);
  assert.equal(fragmentOf('000003 01 05 00000000 616263'), Violation.HEADERS_STREAM);
});

test('HEADERS that depend on their own stream still give their fragment', () => {
  const { head, bytes, at } = frameOf('000008 01 25 00000001 80000001 ff 616263');
  const payload = new Payload();
  assert.equal(loadHeaders(head, bytes, at, payload), Violation.HEADERS_DEPENDENCY);
  assert.equal(bytes.toString('latin1', payload.start, payload.end), 'abc');
});

test('a field block goes out as HEADERS', () => {
  assertFrames('000003 01 05 00000007 616263', 'abc', 16_384, true);
  assertFrames('000000 01 04 00000007', '', 16_384, false);
});

test('a field block above the frame size goes on in CONTINUATION', () => {
  const three = '000003 01 01 00000007 616263 000003 09 00 00000007 646566';
  assertFrames(`${three} 000002 09 04 00000007 6768`, 'abcdefgh', 3, true);
  const two = '000003 01 00 00000007 616263 000003 09 04 00000007 646566';
  assertFrames(two, 'abcdef', 3, false);
  const out = Buffer.alloc(frameHeadBytes + 4 + frameHeadBytes - 1);
  assert.equal(encodeHeaders(frameHeadBytes + 4, 1, false, 3, out, 0), -1);
});

test('CONTINUATION', () => {
  const payload = new Payload();
  const { head, bytes, at } = frameOf('000003 09 04 00000001 616263');
  assert.equal(loadContinuation(head, at, payload), 0);
  assert.equal(bytes.toString('latin1', payload.start, payload.end), 'abc');
  const zero = frameOf('000000 09 04 00000000');
  assert.equal(loadContinuation(zero.head, zero.at, payload), Violation.CONTINUATION_STREAM);
});

test('PRIORITY', () => {
  const load = (hex: string) => {
    const { head, bytes, at } = frameOf(hex);
    return loadPriority(head, bytes, at);
  };
  assert.equal(load('000005 02 00 00000003 80000001 0f'), 0);
  assert.equal(load('000005 02 00 00000003 00000000 0f'), 0);
  assert.equal(load('000005 02 00 00000003 80000003 0f'), Violation.PRIORITY_DEPENDENCY);
  assert.equal(load('000004 02 00 00000003 80000001'), Violation.PRIORITY_LENGTH);
  assert.equal(load('000006 02 00 00000003 80000001 0f00'), Violation.PRIORITY_LENGTH);
  assert.equal(load('000005 02 00 00000000 80000001 0f'), Violation.PRIORITY_STREAM);
});

test('RST_STREAM', () => {
  const load = (hex: string) => {
    const { head, bytes, at } = frameOf(hex);
    return loadRstStream(head, bytes, at);
  };
  assert.equal(load('000004 03 00 00000003 00000008'), 8);
  assert.equal(load('000004 03 00 00000003 ffffffff'), 0xffffffff);
  assert.equal(load('000003 03 00 00000003 000008'), Violation.RST_STREAM_LENGTH);
  assert.equal(load('000005 03 00 00000003 0000000800'), Violation.RST_STREAM_LENGTH);
  assert.equal(load('000004 03 00 00000000 00000008'), Violation.RST_STREAM_STREAM);
  assertWrites('000004 03 00 00000003 0000000b', (out) => encodeRstStream(3, 0xb, out, 0));
  assert.equal(encodeRstStream(3, 0xb, Buffer.alloc(12), 0), -1);
});

test('PING', () => {
  const load = (hex: string) => loadPing(frameOf(hex).head);
  assert.equal(load('000008 06 00 00000000 0102030405060708'), 0);
  assert.equal(load('000007 06 00 00000000 01020304050607'), Violation.PING_LENGTH);
  assert.equal(load('000009 06 01 00000000 010203040506070809'), Violation.PING_LENGTH);
  assert.equal(load('000008 06 00 00000001 0102030405060708'), Violation.PING_STREAM);
  const opaque = Buffer.from('000102030405060708', 'hex');
  assertWrites('000008 06 01 00000000 0102030405060708', (out) =>
    encodePing(opaque, 1, true, out, 0),
  );
  assertWrites('000008 06 00 00000000 0001020304050607', (out) =>
    encodePing(opaque, 0, false, out, 0),
  );
  assert.equal(encodePing(opaque, 0, true, Buffer.alloc(16), 0), -1);
});

test('GOAWAY', () => {
  const goaway = new Goaway();
  const load = (hex: string) => {
    const { head, bytes, at } = frameOf(hex);
    const violation = goaway.load(head, bytes, at);
    return violation < 0 ? violation : bytes.toString('latin1', goaway.debugStart, goaway.debugEnd);
  };
  assert.equal(load('00000a 07 00 00000000 80000005 ffffffff 6869'), 'hi');
  assert.equal(goaway.lastStreamId, 5);
  assert.equal(goaway.code, 0xffffffff);
  assert.equal(load('000008 07 00 00000000 7fffffff 00000000'), '');
  assert.equal(goaway.lastStreamId, 0x7fffffff);
  assert.equal(load('000007 07 00 00000000 00000005 000000'), Violation.GOAWAY_LENGTH);
  assert.equal(load('000008 07 00 00000001 00000005 00000000'), Violation.GOAWAY_STREAM);
  assertWrites('00000a 07 00 00000000 00000005 0000000b 6869', (out) =>
    encodeGoaway(5, 0xb, 'hi', out, 0),
  );
  assert.equal(encodeGoaway(5, 0xb, 'hi', Buffer.alloc(18), 0), -1);
});

test('WINDOW_UPDATE', () => {
  const load = (hex: string) => {
    const { head, bytes, at } = frameOf(hex);
    return loadWindowUpdate(head, bytes, at);
  };
  assert.equal(load('000004 08 00 00000000 80000001'), 1);
  assert.equal(load('000004 08 00 00000001 7fffffff'), 0x7fffffff);
  assert.equal(load('000004 08 00 00000000 00000000'), Violation.WINDOW_UPDATE_ZERO_CONNECTION);
  assert.equal(load('000004 08 00 00000001 80000000'), Violation.WINDOW_UPDATE_ZERO);
  assert.equal(load('000003 08 00 00000001 000001'), Violation.WINDOW_UPDATE_LENGTH);
  assert.equal(load('000005 08 00 00000001 0000000100'), Violation.WINDOW_UPDATE_LENGTH);
  assertWrites('000004 08 00 00000003 7fffffff', (out) =>
    encodeWindowUpdate(3, 0x7fffffff, out, 0),
  );
  assert.equal(encodeWindowUpdate(3, 1, Buffer.alloc(12), 0), -1);
});

function dataOf(hex: string): string | number {
  const { head, bytes, at } = frameOf(hex);
  const payload = new Payload();
  const violation = loadData(head, bytes, at, payload);
  return violation < 0 ? violation : bytes.toString('latin1', payload.start, payload.end);
}

function fragmentOf(hex: string): string | number {
  const { head, bytes, at } = frameOf(hex);
  const payload = new Payload();
  const violation = loadHeaders(head, bytes, at, payload);
  return violation < 0 ? violation : bytes.toString('latin1', payload.start, payload.end);
}

/** The frames that the field block `block` becomes. */
function assertFrames(hex: string, block: string, frameBytesMax: number, end: boolean): void {
  assertWrites(hex, (out) => {
    const blockEnd = frameHeadBytes + out.write(block, frameHeadBytes, 'latin1');
    return encodeHeaders(blockEnd, 7, end, frameBytesMax, out, 0);
  });
}
