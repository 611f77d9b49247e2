/** Goal: a tunnel only for the protocol that was asked for. Method: pairs of Upgrade values. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Head, Method } from '../head.ts';
import { decodeRequestHead, decodeResponseHead } from './decode-head.ts';
import { grantsUpgrade } from './upgrade.ts';

const limits = { headBytesMax: 1024, headFieldsMax: 10 };

test('a 101 has to name what was asked for', () => {
  assert.equal(granted('websocket', 'WebSocket'), true);
  assert.equal(granted('a/1, b', 'b'), true);
  assert.equal(granted('websocket', 'h2c'), false);
  assert.equal(granted('websocket', 'websocket, other'), false);
  assert.equal(granted('a/1', 'a'), false);
  assert.equal(granted('websocket', ','), false);
});

test('no upgrade without its option, or with another status', () => {
  assert.equal(granted('websocket', 'websocket', '200'), false);
  assert.equal(granted('websocket', 'websocket', '101', 'keep-alive'), false);
});

function granted(asked: string, answer: string, status = '101', option = 'upgrade'): boolean {
  const request = new Head();
  const response = new Head();
  const asking = Buffer.from(
    `GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: ${asked}\r\n\r\n`,
  );
  const answering = Buffer.from(
    `HTTP/1.1 ${status} X\r\nConnection: ${option}\r\nUpgrade: ${answer}\r\n\r\n`,
  );
  assert.ok(decodeRequestHead(asking, 0, asking.length, limits, request) > 0);
  const end = decodeResponseHead(answering, 0, answering.length, limits, Method.GET, response);
  assert.ok(end > 0);
  return grantsUpgrade(request, response);
}
