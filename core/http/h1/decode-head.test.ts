/**
 * Goal: heads become the right offsets, and bytes that two parsers could read differently are
 * refused by name. Method: exact bytes in, decoded fields or the code of the refusal out.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Form, Framing, Head, Method } from '../head.ts';
import { decodeRequestHead, decodeResponseHead } from './decode-head.ts';
import { HeadError } from './head-error.ts';

const limits = { headBytesMax: 64 * 1024, headFieldsMax: 100 };

test('a request head becomes offsets', () => {
  const head = request('GET /a?b=1 HTTP/1.1\r\nHost: Web.:80\r\nX-Empty:\r\nX: \t a b \t\r\n\r\n');
  assert.equal(head.method, Method.GET);
  assert.equal(head.form, Form.ORIGIN);
  assert.equal(text(head, head.targetStart, head.targetEnd), '/a?b=1');
  assert.equal(head.authority(), 'web:80');
  assert.equal(head.count, 3);
  assert.equal(head.valueOf(1), '');
  assert.equal(head.valueOf(head.find('x')), 'a b');
  assert.equal(head.find('missing'), -1);
  assert.equal(head.framing, Framing.NONE);
  assert.equal(head.keepAlive, true);
});

test('a target authority wins over Host', () => {
  const head = request('GET http://Real:81?q HTTP/1.1\r\nHost: other\r\n\r\n');
  assert.equal(head.form, Form.ABSOLUTE);
  assert.equal(head.authority(), 'real:81');
  assert.equal(text(head, head.pathStart, head.targetEnd), '?q');
  assert.equal(head.dropped[0], 1);
});

test('a held head survives its buffer', () => {
  const bytes = Buffer.from('\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
  const head = new Head();
  assert.equal(decodeRequestHead(bytes, 0, bytes.length, limits, head), bytes.length - 5);
  head.hold();
  bytes.fill(0);
  assert.equal(head.method, Method.POST);
  assert.equal(head.authority(), 'a');
  assert.equal(head.valueOf(1), '5');
  assert.equal(head.framing, Framing.LENGTH);
  assert.equal(head.contentLength, 5);
});

test('a head has room for as many fields as it may have', () => {
  const lines = Array.from({ length: 99 }, (_, index) => `L5D_${index}: v${index}\r\n`);
  const head = request(`GET / HTTP/1.1\r\nHost: a\r\n${lines.join('')}\r\n`);
  assert.equal(head.count, 100);
  for (let index = 1; index < 100; index++) {
    assert.equal(head.valueOf(index), `v${index - 1}`);
    assert.equal(head.dropped[index], 1);
  }
  const over = `GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n${lines.join('')}\r\n`;
  assert.equal(codeOf(over), HeadError.TOO_MANY_FIELDS);
});

test('responses are framed by status, method and fields', () => {
  assert.equal(response('HTTP/1.1 200 OK\r\n\r\n', Method.GET).framing, Framing.CLOSE);
  assert.equal(response('HTTP/1.1 204\r\n\r\n', Method.GET).framing, Framing.NONE);
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  assert.equal(response(chunked, Method.GET).framing, Framing.CHUNKED);
  assert.equal(response(chunked, Method.HEAD).framing, Framing.NONE);
});

test('ambiguous framing is refused', () => {
  const both =
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n';
  assert.equal(codeOf(both), HeadError.LENGTH_AND_CODING);
});

function request(input: string): Head {
  const head = new Head();
  const bytes = Buffer.from(input, 'latin1');
  assert.equal(decodeRequestHead(bytes, 0, bytes.length, limits, head), bytes.length);
  return head;
}

function response(input: string, method: number): Head {
  const head = new Head();
  const bytes = Buffer.from(input, 'latin1');
  assert.equal(decodeResponseHead(bytes, 0, bytes.length, limits, method, head), bytes.length);
  return head;
}

function codeOf(input: string): number {
  const bytes = Buffer.from(input, 'latin1');
  return decodeRequestHead(bytes, 0, bytes.length, limits, new Head());
}

function text(head: Head, start: number, end: number): string {
  return head.bytes.toString('latin1', start, end);
}
