/**
 * Goal: HTTP is recognised by its first bytes, as early as it is certain, and commands of other
 * protocols are not. Method: tables of exact bytes; each is given whole and at every split.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detectBytesMax } from '../base/limits.ts';
import { detectHttp } from './http.ts';

/** Between other bytes that must not be looked at. */
function detect(text: string): string {
  const bytes = Buffer.from(`\n HTTP/1.1\n${text}\n HTTP/1.1`, 'latin1');
  return detectHttp(bytes, 11, 11 + text.length);
}

/** The shortest beginning that is decided, after checking that no later one changes the answer. */
function decidedAfter(text: string): number {
  const whole = detect(text);
  let decided = -1;
  for (let length = 0; length <= text.length; length++) {
    const verdict = detect(text.slice(0, length));
    if (decided === -1 && verdict === 'NEED_MORE') continue;
    if (decided === -1) decided = length;
    assert.equal(verdict, whole, `${JSON.stringify(text)} at ${length}`);
  }
  return decided;
}

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

test('recognises request lines', () => {
  const rows: [string, number][] = [
    ['GET / HTTP/1.1\r\nHost: web\r\n\r\n', 5],
    ['OPTIONS * HTTP/1.1\r\n\r\n', 9],
    ['GET /\r\n', 5],
    ['\r\n\r\nPOST /a HTTP/1.0\r\n', 10],
    ['GET http://web/ HTTP/1.1\r\n', 22],
    ['CONNECT users:80 HTTP/1.1\r\n', 23],
    ['PURGE /x HTTP/1.1\r\n', 15],
    ['get /x HTTP/1.1\r\n', 13],
    ['M-SEARCH * HTTP/1.1\r\n', 17],
    ['ABCDEFGHIJKLMNOPQRSTUVWX / HTTP/1.1', 33],
    ['GET  HTTP/1.1\r\n', 11],
    ['GET a b c HTTP/9.9\r\n', 16],
    ['GET\t/ HTTP/1.1\r\n', 5],
    ['FOO \xff\xfe HTTP/1.1\r\n', 13],
  ];
  for (const [text, decided] of rows) {
    assert.equal(detect(text), 'HTTP1', JSON.stringify(text));
    assert.equal(decidedAfter(text), decided, JSON.stringify(text));
  }
});

test('recognises the preface of HTTP/2 when it is complete', () => {
  assert.equal(detect(`${preface}\0\0\0`), 'HTTP2_PREFACE');
  assert.equal(decidedAfter(`${preface}\0\0\0`), preface.length);
});

test('what leaves the preface is judged as a request line', () => {
  assert.equal(detect('PRI * HTTP/1.1\r\n\r\n'), 'HTTP1');
  assert.equal(detect('PRI * HTTP/2.0\r\n\r\nXX'), 'HTTP1');
  assert.equal(decidedAfter('PRI * HTTP/2.0\r\n\r\nXX'), 19);
  assert.equal(detect('PRI * H\r\n'), 'NOT_HTTP');
  assert.equal(detect('PRIVATE\r\n'), 'NOT_HTTP');
  assert.equal(detect(`\r\n${preface}`), 'HTTP1', 'no empty line precedes a preface');
});

test('other protocols whose client speaks first are not HTTP', () => {
  const rows: [string, number][] = [
    ['get /session/1\r\n', 16],
    ['set key 0 0 5\r\nhello\r\n', 15],
    ['NICK heddle\r\nUSER a 0 * :b\r\n', 13],
    ['CONNECT {"verbose":false}\r\n', 27],
    ['CONNECT\naccept-version:1.2\n', 8],
    ['*1\r\n$4\r\nPING\r\n', 3],
    ['PING\r\n', 5],
    ['SSH-2.0-OpenSSH_9.2\r\n', 20],
    ['EHLO example.com\r\n', 18],
    ['\x00\x00\x00\x08\x04\xd2\x16\x2f', 1],
    ['ABCDEFGHIJKLMNOPQRSTUVWXY / HTTP/1.1', 25],
    ['a \x00', 3],
    ['\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1', 9],
    ['\rGET / HTTP/1.1', 2],
    [' GET / HTTP/1.1', 1],
    ['GET x HTTP/ 1', 12],
  ];
  for (const [text, decided] of rows) {
    assert.equal(detect(text), 'NOT_HTTP', JSON.stringify(text));
    assert.equal(decidedAfter(text), decided, JSON.stringify(text));
  }
});

test('waits for certainty only within the budget', () => {
  const endless = 'FOO '.padEnd(detectBytesMax + 10, 'a');
  assert.equal(detect(endless.slice(0, detectBytesMax - 1)), 'NEED_MORE');
  assert.equal(detect(endless.slice(0, detectBytesMax)), 'NOT_HTTP');
  assert.equal(detect(`${endless} HTTP/1.1\r\n`), 'NOT_HTTP');
  assert.equal(detect('GET /'.padEnd(detectBytesMax + 10, 'a')), 'HTTP1', 'the codec says 414');
});
