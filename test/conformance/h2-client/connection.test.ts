/** RFC 9113 6.5 to 6.9 for a client: what concerns the connection, and windows. */

import { describe } from 'node:test';
import { block, get, response } from '../../support/h2-block.ts';
import { code, frame, setting } from '../../support/h2-frames.ts';
import { broken, malformed, testCases } from './case.ts';

const ok = frame.headers(1, block(response(200)));
const okEnds = frame.headers(1, block(response(200)), { ends: true });
const content = frame.data(1, 'ok', { ends: true });
const protocol = 'GOAWAY 0 PROTOCOL_ERROR';
const size = 'GOAWAY 0 FRAME_SIZE_ERROR';
const flow = 'GOAWAY 0 FLOW_CONTROL_ERROR';
const fine = { told: '', answer: ':status=200 ok' };
/** The connection ends, and with it the request. */
const ends = { answer: broken, ended: true };

describe('6.5 SETTINGS', () => {
  const invalid = (what: string, values: Record<number, number>, told: string) => ({
    section: '6.5.2',
    what,
    frames: [frame.settings(values)],
    told,
    ...ends,
  });
  testCases([
    {
      section: '6.5',
      what: 'SETTINGS on a stream',
      frames: [frame.raw(4, 0, 1)],
      told: protocol,
      ...ends,
    },
    {
      section: '6.5',
      what: 'an acknowledgement with a payload',
      frames: [frame.raw(4, 1, 0, '123456')],
      told: size,
      ...ends,
    },
    {
      section: '6.5',
      what: 'a payload of no whole setting',
      frames: [frame.raw(4, 0, 0, '12345')],
      told: size,
      ...ends,
    },
    invalid('a server enables push', { [setting.ENABLE_PUSH]: 1 }, protocol),
    invalid('ENABLE_PUSH of 2', { [setting.ENABLE_PUSH]: 2 }, protocol),
    invalid('INITIAL_WINDOW_SIZE of 2^31', { [setting.INITIAL_WINDOW_SIZE]: 2 ** 31 }, flow),
    invalid('MAX_FRAME_SIZE below 2^14', { [setting.MAX_FRAME_SIZE]: 16_383 }, protocol),
    invalid('MAX_FRAME_SIZE of 2^24', { [setting.MAX_FRAME_SIZE]: 2 ** 24 }, protocol),
    invalid('ENABLE_CONNECT_PROTOCOL of 2', { [setting.ENABLE_CONNECT_PROTOCOL]: 2 }, protocol),
    {
      section: '6.5.2',
      what: 'settings at their bounds, and those that nobody knows',
      settings: {
        [setting.HEADER_TABLE_SIZE]: 0,
        [setting.ENABLE_PUSH]: 0,
        [setting.MAX_CONCURRENT_STREAMS]: 2 ** 32 - 1,
        [setting.INITIAL_WINDOW_SIZE]: 2 ** 31 - 1,
        [setting.MAX_FRAME_SIZE]: 2 ** 24 - 1,
        [setting.MAX_HEADER_LIST_SIZE]: 0,
        43981: 7,
      },
      frames: [ok, content],
      ...fine,
    },
    {
      section: '6.5.3',
      what: 'each SETTINGS is acknowledged',
      frames: [frame.settings(), ok, content],
      told: 'SETTINGS ACK',
      answer: ':status=200 ok',
    },
  ]);
});

describe('6.6 PUSH_PROMISE, 6.7 PING, 6.8 GOAWAY', () => {
  testCases([
    {
      section: '6.6',
      what: 'PUSH_PROMISE although it was disabled',
      frames: [frame.pushPromise(1, 2, block(get('/pushed')))],
      told: protocol,
      ...ends,
    },
    {
      section: '6.7',
      what: 'PING on a stream',
      frames: [frame.raw(6, 0, 1, '12345678')],
      told: protocol,
      ...ends,
    },
    {
      section: '6.7',
      what: 'PING of a wrong length',
      frames: [frame.raw(6, 0, 0, '1234567')],
      told: size,
      ...ends,
    },
    {
      section: '6.7',
      what: 'PING is answered with the same bytes',
      frames: [frame.ping('\0\x01abc\xff!?'), ok, content],
      told: 'PING ACK: \0\x01abc\xff!?',
      answer: ':status=200 ok',
    },
    {
      section: '6.7',
      what: 'an answer to PING is not answered',
      frames: [frame.ping('nobody..', true), ok, content],
      ...fine,
    },
    {
      section: '6.8',
      what: 'GOAWAY on a stream',
      frames: [frame.raw(7, 0, 1, Buffer.alloc(8))],
      told: protocol,
      ...ends,
    },
    {
      section: '6.8',
      what: 'GOAWAY that is too short',
      frames: [frame.raw(7, 0, 0, Buffer.alloc(7))],
      told: size,
      ...ends,
    },
    {
      section: '6.8',
      what: 'GOAWAY with debug data lets what is under way end',
      frames: [frame.goaway(1, code.NO_ERROR, 'maintenance'), ok, content],
      told: 'GOAWAY 0 NO_ERROR',
      answer: ':status=200 ok',
      ended: true,
    },
  ]);
});

describe('6.9 WINDOW_UPDATE', () => {
  testCases([
    {
      section: '6.9',
      what: 'a wrong length',
      frames: [frame.raw(8, 0, 0, '123')],
      told: size,
      ...ends,
    },
    {
      section: '6.9',
      what: 'by 0, of the connection',
      frames: [frame.windowUpdate(0, 0)],
      told: protocol,
      ...ends,
    },
    {
      section: '6.9',
      what: 'by 0, of a stream',
      frames: [frame.windowUpdate(1, 0)],
      told: 'RST_STREAM 1 PROTOCOL_ERROR',
      answer: malformed,
    },
    {
      section: '6.9',
      what: 'of an idle stream',
      frames: [frame.windowUpdate(3, 1)],
      told: protocol,
      ...ends,
    },
    {
      section: '6.9',
      what: 'of a stream that has ended',
      frames: [ok, content, frame.windowUpdate(1, 10)],
      ...fine,
    },
    {
      section: '6.9.1',
      what: 'a window of the connection above 2^31 - 1',
      frames: [frame.windowUpdate(0, 2 ** 31 - 1)],
      told: flow,
      ...ends,
    },
    {
      section: '6.9.1',
      what: 'a window of a stream above 2^31 - 1',
      frames: [frame.windowUpdate(1, 2 ** 31 - 1)],
      told: 'RST_STREAM 1 FLOW_CONTROL_ERROR',
      answer: malformed,
    },
    {
      section: '6.9.2',
      what: 'windows that SETTINGS raise above 2^31 - 1',
      frames: [
        frame.windowUpdate(1, 2 ** 31 - 1 - 65_535),
        frame.settings({ [setting.INITIAL_WINDOW_SIZE]: 65_536 }),
      ],
      told: flow,
      ...ends,
    },
    {
      section: '6.9.2',
      what: 'a response that ends needs no window',
      settings: { [setting.INITIAL_WINDOW_SIZE]: 0 },
      frames: [okEnds],
      told: '',
      answer: ':status=200 ',
    },
  ]);
});
