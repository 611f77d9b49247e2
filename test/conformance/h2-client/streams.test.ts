/** RFC 9113 5 for a client: the states of its streams, and who may open which. */

import { describe } from 'node:test';
import { block, post, response } from '../../support/h2-block.ts';
import { code, frame } from '../../support/h2-frames.ts';
import { broken, malformed, testCases } from './case.ts';

const head = block(response(200));
const ok = frame.headers(1, head);
const okEnds = frame.headers(1, head, { ends: true });
const protocol = 'GOAWAY 0 PROTOCOL_ERROR';
const ends = { answer: broken, ended: true };

describe('5.1 idle streams', () => {
  testCases([
    { section: '5.1', what: 'DATA', frames: [frame.data(3, 'x')], told: protocol, ...ends },
    { section: '5.1', what: 'HEADERS', frames: [frame.headers(3, head)], told: protocol, ...ends },
    {
      section: '5.1',
      what: 'RST_STREAM',
      frames: [frame.rstStream(5, 0)],
      told: protocol,
      ...ends,
    },
    {
      section: '5.1',
      what: 'WINDOW_UPDATE',
      frames: [frame.windowUpdate(5, 1)],
      told: protocol,
      ...ends,
    },
  ]);
});

describe('5.1 streams that the server has ended', () => {
  const request = { request: post(), body: 'x', answer: ':status=200 ' };
  testCases([
    {
      section: '5.1',
      what: 'DATA behind END_STREAM',
      ...request,
      frames: [okEnds, frame.data(1, 'x')],
      told: 'RST_STREAM 1 STREAM_CLOSED',
    },
    {
      section: '5.1',
      what: 'HEADERS behind END_STREAM',
      ...request,
      frames: [okEnds, frame.headers(1, head, { ends: true })],
      told: 'GOAWAY 0 STREAM_CLOSED',
      ended: true,
    },
    {
      section: '5.1',
      what: 'WINDOW_UPDATE, PRIORITY and RST_STREAM behind END_STREAM',
      ...request,
      frames: [
        okEnds,
        frame.windowUpdate(1, 1),
        frame.priority(1, 3),
        frame.rstStream(1, code.NO_ERROR),
      ],
      told: '',
    },
    {
      section: '5.1',
      what: 'DATA behind RST_STREAM',
      frames: [frame.rstStream(1, code.CANCEL), frame.data(1, 'x')],
      told: 'RST_STREAM 1 STREAM_CLOSED',
      answer: broken,
    },
    {
      section: '5.1',
      what: 'HEADERS behind RST_STREAM',
      frames: [frame.rstStream(1, code.CANCEL), ok],
      told: 'GOAWAY 0 STREAM_CLOSED',
      ended: true,
      answer: broken,
    },
  ]);
});

describe('5.1 streams that we have reset', () => {
  testCases([
    {
      section: '5.1',
      what: 'whatever is on its way is dropped',
      frames: [
        frame.windowUpdate(1, 0),
        ok,
        frame.data(1, 'x'),
        frame.headers(1, block([['x', 'y']]), { ends: true }),
        frame.windowUpdate(1, 1),
        frame.rstStream(1, code.CANCEL),
      ],
      told: 'RST_STREAM 1 PROTOCOL_ERROR',
      answer: malformed,
    },
  ]);
});

describe('5.1.1 who opens streams', () => {
  testCases([
    {
      section: '5.1.1',
      what: 'a server, an even one',
      frames: [frame.headers(2, head)],
      told: protocol,
      ...ends,
    },
    {
      section: '5.1.1',
      what: 'a server, by DATA',
      frames: [frame.data(2, 'x')],
      told: protocol,
      ...ends,
    },
    {
      section: '5.1.1',
      what: 'a server, an odd one',
      frames: [frame.headers(7, head)],
      told: protocol,
      ...ends,
    },
  ]);
});

describe('5.4 errors', () => {
  testCases([
    {
      section: '5.4.2',
      what: 'a stream that was reset by the server is not reset in turn',
      frames: [frame.rstStream(1, code.INTERNAL_ERROR)],
      told: '',
      answer: broken,
    },
  ]);
});
