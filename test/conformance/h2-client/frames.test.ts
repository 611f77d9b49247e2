/** RFC 9113 3.4, 4 and 6.1 to 6.4, 6.10 for a client: frames of streams, and their blocks. */

import { describe } from 'node:test';
import { block, indexed, response } from '../../support/h2-block.ts';
import { code, frame } from '../../support/h2-frames.ts';
import { broken, malformed, testCases } from './case.ts';

const ok = frame.headers(1, block(response(200)));
const content = frame.data(1, 'ok', { ends: true });
const protocol = 'GOAWAY 0 PROTOCOL_ERROR';
const size = 'GOAWAY 0 FRAME_SIZE_ERROR';
const fine = { told: '', answer: ':status=200 ok' };
/** The connection ends, and with it the request. */
const ends = { answer: broken, ended: true };

describe('the beginning of a connection', () => {
  testCases([
    {
      section: '3.4',
      what: 'the first frame is not SETTINGS',
      before: [frame.ping()],
      frames: [],
      told: protocol,
      ...ends,
    },
    {
      section: '3.4',
      what: 'the first frame acknowledges SETTINGS',
      before: [frame.settingsAck()],
      frames: [],
      told: protocol,
      ...ends,
    },
    { section: '3.4', what: 'SETTINGS, then a response', frames: [ok, content], ...fine },
  ]);
});

describe('4.1 and 4.2 frames', () => {
  testCases([
    {
      section: '4.1',
      what: 'unknown frames are dropped, on any stream',
      frames: [
        frame.raw(0x42, 0xff, 0, 'x'),
        frame.raw(0x43, 0, 1),
        ok,
        frame.raw(0xfe, 1, 9, 'y'),
        content,
      ],
      ...fine,
    },
    {
      section: '4.1',
      what: 'flags without a meaning are ignored',
      frames: [
        frame.raw(1, 0x4 | 0x40 | 0x80 | 0x10, 1, block(response(200))),
        frame.raw(0, 0x1 | 0x2 | 0x4 | 0x20 | 0x40, 1, 'ok'),
        frame.raw(6, 0x2 | 0xf0, 0, '12345678'),
      ],
      ...fine,
    },
    {
      section: '4.1',
      what: 'the reserved bit is ignored',
      frames: [
        frame.raw(1, 0x4, 2 ** 31 + 1, block(response(200))),
        frame.raw(0, 0x1, 2 ** 31 + 1, 'ok'),
        frame.windowUpdate(1, 2 ** 31 + 1),
      ],
      ...fine,
    },
    {
      section: '4.2',
      what: 'DATA above SETTINGS_MAX_FRAME_SIZE',
      frames: [ok, frame.data(1, Buffer.alloc(16_385))],
      told: size,
      answer: ':status=200  reset INTERNAL_ERROR',
      ended: true,
    },
    {
      section: '4.2',
      what: 'HEADERS above SETTINGS_MAX_FRAME_SIZE',
      frames: [frame.headers(1, Buffer.alloc(16_385))],
      told: size,
      ...ends,
    },
    {
      section: '4.2',
      what: 'an unknown frame above SETTINGS_MAX_FRAME_SIZE',
      frames: [frame.raw(0x42, 0, 0, Buffer.alloc(16_385))],
      told: size,
      ...ends,
    },
    {
      section: '4.2',
      what: 'frames of exactly SETTINGS_MAX_FRAME_SIZE',
      frames: [
        ok,
        frame.data(1, Buffer.alloc(16_384, 'x')),
        frame.raw(0x42, 0, 0, Buffer.alloc(16_384)),
        frame.data(1, '', { ends: true }),
      ],
      told: '',
      answer: `:status=200 ${'x'.repeat(16_384)}`,
    },
  ]);
});

describe('4.3 field blocks', () => {
  testCases([
    {
      section: '4.3',
      what: 'a block that cannot be decoded',
      frames: [frame.headers(1, indexed(70))],
      told: 'GOAWAY 0 COMPRESSION_ERROR',
      ...ends,
    },
    {
      section: '4.3',
      what: 'the same in trailers',
      frames: [ok, frame.headers(1, indexed(70), { ends: true })],
      told: 'GOAWAY 0 COMPRESSION_ERROR',
      answer: ':status=200  reset INTERNAL_ERROR',
      ended: true,
    },
    {
      section: '4.3',
      what: 'a block in parts of any size',
      frames: [
        frame.headers(1, block(response(200)).subarray(0, 1), { partial: true }),
        frame.continuation(1, Buffer.alloc(0), { partial: true }),
        frame.continuation(1, block(response(200)).subarray(1, 4), { partial: true }),
        frame.continuation(1, block(response(200)).subarray(4)),
        content,
      ],
      ...fine,
    },
    {
      section: '4.3.1',
      what: 'a table size above SETTINGS_HEADER_TABLE_SIZE',
      frames: [frame.headers(1, Buffer.from([0x3f, 0xe2, 0x1f]))],
      told: 'GOAWAY 0 COMPRESSION_ERROR',
      ...ends,
    },
  ]);
});

describe('6.1 DATA and 6.2 HEADERS', () => {
  testCases([
    {
      section: '6.1',
      what: 'DATA on stream 0',
      frames: [frame.data(0, 'x')],
      told: protocol,
      ...ends,
    },
    {
      section: '6.1',
      what: 'padding as long as the payload',
      frames: [ok, frame.raw(0, 0x8, 1, Buffer.from([5, 1, 2, 3, 4]))],
      told: protocol,
      answer: ':status=200  reset INTERNAL_ERROR',
      ended: true,
    },
    {
      section: '6.1',
      what: 'padding up to 255 bytes',
      frames: [
        ok,
        frame.data(1, 'o', { padding: 255 }),
        frame.data(1, 'k', { ends: true, padding: 0 }),
      ],
      ...fine,
    },
    {
      section: '6.2',
      what: 'HEADERS on stream 0',
      frames: [frame.headers(0, block(response(200)))],
      told: protocol,
      ...ends,
    },
    {
      section: '6.2',
      what: 'padding beyond the block',
      frames: [frame.raw(1, 0x4 | 0x8, 1, Buffer.from([9, 0x88]))],
      told: protocol,
      ...ends,
    },
    {
      section: '6.2',
      what: 'HEADERS with PRIORITY and padding',
      frames: [frame.headers(1, block(response(200)), { padding: 9, dependsOn: 0 }), content],
      ...fine,
    },
    {
      section: '6.10',
      what: 'CONTINUATION without HEADERS',
      frames: [frame.continuation(1, block(response(200)))],
      told: protocol,
      ...ends,
    },
    {
      section: '6.10',
      what: 'CONTINUATION of another stream',
      frames: [
        frame.headers(1, Buffer.alloc(0), { partial: true }),
        frame.continuation(3, block(response(200))),
      ],
      told: protocol,
      ...ends,
    },
    {
      section: '6.10',
      what: 'another frame inside of a block',
      frames: [frame.headers(1, Buffer.alloc(0), { partial: true }), frame.ping()],
      told: protocol,
      ...ends,
    },
  ]);
});

describe('6.3 PRIORITY and 6.4 RST_STREAM', () => {
  testCases([
    {
      section: '6.3',
      what: 'PRIORITY on stream 0',
      frames: [frame.priority(0, 1)],
      told: protocol,
      ...ends,
    },
    {
      section: '6.3',
      what: 'PRIORITY of a wrong length',
      frames: [frame.raw(2, 0, 1, Buffer.alloc(4))],
      told: 'RST_STREAM 1 FRAME_SIZE_ERROR',
      answer: malformed,
    },
    {
      section: '6.3',
      what: 'PRIORITY for streams of any state',
      frames: [
        frame.priority(1, 0),
        frame.priority(2, 1),
        frame.priority(99, 1),
        ok,
        content,
        frame.priority(1, 3),
      ],
      ...fine,
    },
    {
      section: '6.4',
      what: 'RST_STREAM on stream 0',
      frames: [frame.rstStream(0, code.CANCEL)],
      told: protocol,
      ...ends,
    },
    {
      section: '6.4',
      what: 'RST_STREAM of an idle stream',
      frames: [frame.rstStream(3, code.CANCEL)],
      told: protocol,
      ...ends,
    },
    {
      section: '6.4',
      what: 'RST_STREAM of a wrong length',
      frames: [frame.raw(3, 0, 1, Buffer.alloc(3))],
      told: size,
      ...ends,
    },
    {
      section: '6.4',
      what: 'RST_STREAM of a stream that has ended',
      frames: [ok, content, frame.rstStream(1, code.NO_ERROR)],
      ...fine,
    },
    {
      section: '7',
      what: 'an error code that nobody knows',
      frames: [frame.rstStream(1, 0xdeadbeef)],
      told: '',
      answer: broken,
    },
  ]);
});
