/** RFC 9113 8 for a client: what a response is, and what is none. */

import { describe } from 'node:test';
import { block, type Fields, get, request, response } from '../../support/h2-block.ts';
import { code, frame } from '../../support/h2-frames.ts';
import { broken, malformed, testCases, tooLarge } from './case.ts';

const reset = 'RST_STREAM 1 PROTOCOL_ERROR';
const headers = (fields: Fields, ends = true): Buffer => frame.headers(1, block(fields), { ends });
const ok = headers(response(200), false);
/** The stream alone ends. */
const bad = { told: reset, answer: malformed };
const cut = { told: reset, answer: ':status=200  reset INTERNAL_ERROR' };

describe('8.1 the order of frames', () => {
  testCases([
    { section: '8.1', what: 'content before the head', frames: [frame.data(1, 'x')], ...bad },
    {
      section: '8.1',
      what: 'the end before the head',
      frames: [frame.data(1, '', { ends: true })],
      ...bad,
    },
    {
      section: '8.1',
      what: 'an informational response that ends the stream',
      frames: [headers(response(103))],
      ...bad,
    },
    {
      section: '8.1',
      what: 'content behind an informational response',
      frames: [headers(response(103), false), frame.data(1, 'x')],
      ...bad,
    },
    {
      section: '8.1',
      what: 'a second head',
      frames: [ok, headers(response(200), false)],
      ...cut,
    },
    {
      section: '8.1',
      what: 'trailers that do not end the stream',
      frames: [ok, headers([['x', 'y']], false)],
      ...cut,
    },
    {
      section: '8.1',
      what: 'informational responses, head, content, trailers',
      frames: [
        headers(response(100), false),
        headers(response(103), false),
        ok,
        frame.data(1, 'o'),
        frame.data(1, 'k'),
        headers([['x', 'y']]),
      ],
      told: '',
      answer: ':status=200 ok',
    },
    {
      section: '8.1',
      what: 'an empty trailer section',
      frames: [ok, frame.data(1, 'ok'), headers([])],
      told: '',
      answer: ':status=200 ok',
    },
  ]);
});

describe('8.1.1 content-length', () => {
  const length = (value: string): Buffer =>
    headers(response(200, [['content-length', value]]), false);
  const lengthCut = { told: reset, answer: ':status=200 content-length=3 ' };
  testCases([
    {
      section: '8.1.1',
      what: 'more content',
      frames: [length('3'), frame.data(1, 'abcd')],
      ...lengthCut,
    },
    {
      section: '8.1.1',
      what: 'less content',
      frames: [length('3'), frame.data(1, 'ab', { ends: true })],
      ...lengthCut,
    },
    {
      section: '8.1.1',
      what: 'less content, and trailers',
      frames: [length('3'), frame.data(1, 'ab'), headers([['x', 'y']])],
      ...lengthCut,
    },
    {
      section: '8.1.1',
      what: 'none at all',
      frames: [headers(response(200, [['content-length', '3']]))],
      told: reset,
      answer: ':status=200 content-length=3 ',
    },
    {
      section: '8.1.1',
      what: 'to HEAD it says what GET would have had',
      request: request('HEAD', '/'),
      frames: [headers(response(200, [['content-length', '3']]))],
      told: '',
      answer: ':status=200 content-length=3',
    },
    {
      section: '8.1.1',
      what: 'with 304 too',
      frames: [headers(response(304, [['content-length', '3']]))],
      told: '',
      answer: ':status=304 content-length=3',
    },
    { section: '8.1.1', what: 'no number', frames: [length('x')], ...bad },
    {
      section: '8.1.1',
      what: 'twice',
      frames: [
        headers(
          response(200, [
            ['content-length', '0'],
            ['content-length', '0'],
          ]),
        ),
      ],
      ...bad,
    },
    {
      section: '9110 6.4.1',
      what: 'content to HEAD',
      request: request('HEAD', '/'),
      frames: [ok, frame.data(1, 'x', { ends: true })],
      told: reset,
      answer: ':status=200',
    },
    {
      section: '9110 6.4.1',
      what: 'content with 204',
      frames: [headers(response(204), false), frame.data(1, 'x', { ends: true })],
      told: reset,
      answer: ':status=204',
    },
  ]);
});

describe('8.2 fields', () => {
  const field = (name: string, value: string) => ({
    section: '8.2',
    what: `${JSON.stringify(name)}: ${JSON.stringify(value)}`,
    frames: [headers(response(200, [[name, value]]))],
    ...bad,
  });
  testCases([
    field('Server', 'x'),
    field('x y', 'x'),
    field('', 'x'),
    field('x:y', 'x'),
    field('x\r\ny', 'x'),
    field('x', 'a\nb'),
    field('x', 'a\rb'),
    field('x', 'a\0b'),
    field('x', ' a'),
    field('x', 'a\t'),
    field('connection', 'close'),
    field('keep-alive', 'timeout=5'),
    field('proxy-connection', 'close'),
    field('transfer-encoding', 'chunked'),
    field('upgrade', 'h2c'),
  ]);
});

describe('8.3.2 the status', () => {
  const fields = (what: string, all: Fields) => ({
    section: '8.3.2',
    what,
    frames: [headers(all)],
    ...bad,
  });
  testCases([
    fields('missing', [['server', 'x']]),
    fields('an empty block', []),
    fields('twice', [...response(200), ...response(200)]),
    fields('behind a field', [['server', 'x'], ...response(200)]),
    fields('beside one of requests', [...response(200), [':path', '/']]),
    fields('beside one that nobody knows', [...response(200), [':unknown', 'x']]),
    fields('no number', [[':status', 'ok']]),
    fields('two digits', [[':status', '99']]),
    fields('101', [[':status', '101']]),
    {
      section: '8.1',
      what: 'a pseudo-header in trailers',
      frames: [ok, headers([[':status', '200']])],
      ...cut,
    },
    {
      section: '8.3.2',
      what: 'one that nobody knows',
      frames: [headers([[':status', '599']])],
      told: '',
      answer: ':status=599',
    },
  ]);
});

describe('8.4 push, 8.7 reliability, 10.5.1 limits', () => {
  testCases([
    {
      section: '8.4',
      what: 'a promise on a stream that has ended',
      frames: [headers(response(204)), frame.pushPromise(1, 2, block(get('/pushed')))],
      told: 'GOAWAY 0 PROTOCOL_ERROR',
      answer: ':status=204',
      ended: true,
    },
    {
      section: '8.1',
      what: 'NO_ERROR behind a whole response loses nothing',
      request: request('POST', '/'),
      body: Buffer.alloc(300_000),
      frames: [ok, frame.data(1, 'ok', { ends: true }), frame.rstStream(1, code.NO_ERROR)],
      told: 'RST_STREAM 1 CANCEL',
      answer: ':status=200 ok',
    },
    {
      section: '8.7',
      what: 'a reset with an error before the head',
      frames: [frame.rstStream(1, code.ENHANCE_YOUR_CALM)],
      told: '',
      answer: broken,
    },
    {
      section: '10.5.1',
      what: 'a head that is too large',
      frames: [
        frame.headers(1, block(response(200, [['x', 'v'.repeat(16_000)]])), { partial: true }),
        ...Array.from({ length: 2 }, () =>
          frame.continuation(1, block([['x', 'v'.repeat(16_000)]]), { partial: true }),
        ),
        frame.continuation(
          1,
          block([
            ['x', 'v'.repeat(16_000)],
            ...Array.from({ length: 60 }, () => ['y', ''] as const),
          ]),
        ),
      ],
      told: reset,
      answer: tooLarge,
    },
    {
      section: '10.5.1',
      what: 'more fields than allowed',
      frames: [
        headers(
          response(
            200,
            Array.from({ length: 101 }, () => ['x', ''] as const),
          ),
        ),
      ],
      told: reset,
      answer: tooLarge,
    },
  ]);
});
