/**
 * Goal: a status says the same behind the wire as before it, and what HTTP says instead becomes the
 * code that gRPC has for it. Method: exact field lines, and the lists of the specification.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grpcMessageCharsMax } from '../base/limits.ts';
import { headOfLines } from '../http/field-lines.ts';
import { H2Code } from '../http/h2/error-code.ts';
import { Code, codeName, codeOfHttp, codeOfReset, messageOf, statusLines } from './status.ts';

test('messages travel percent-encoded, as UTF-8', () => {
  for (const [message, encoded] of [
    ['plain text', 'plain text'],
    ['größe: 10 %', 'gr%C3%B6%C3%9Fe: 10 %25'],
    ['a\r\nb', 'a%0D%0Ab'],
    ['\u{1F980}', '%F0%9F%A6%80'],
  ]) {
    const lines = statusLines({ code: 5, message });
    assert.equal(lines, `grpc-status: 5\r\ngrpc-message: ${encoded}\r\n`);
    assert.equal(messageOf(headOfLines(lines)), message);
  }
  assert.equal(statusLines({ code: 0, message: '' }), 'grpc-status: 0\r\n');
});

test('what is no escape stays as it is', () => {
  for (const [encoded, message] of [
    ['100%', '100%'],
    ['%zz%4', '%zz%4'],
    ['%41%4a%4A', 'AJJ'],
    ['%ff', '\u{FFFD}'],
  ]) {
    assert.equal(messageOf(headOfLines(`grpc-message: ${encoded}\r\n`)), message);
  }
  assert.equal(messageOf(headOfLines('grpc-status: 0\r\n')), '');
});

test('long messages are cut', () => {
  const lines = statusLines({ code: 2, message: 'x'.repeat(10 * grpcMessageCharsMax) });
  assert.equal(messageOf(headOfLines(lines)).length, grpcMessageCharsMax);
});

test('codes have names', () => {
  assert.equal(codeName(Code.UNAUTHENTICATED), 'UNAUTHENTICATED');
  assert.equal(codeName(99), 'code 99');
});

test('HTTP and HTTP/2 become codes', () => {
  const codes = [400, 401, 403, 404, 429, 500, 502, 503, 504, 302].map(codeOfHttp).map(codeName);
  assert.deepEqual(codes, [
    'INTERNAL',
    'UNAUTHENTICATED',
    'PERMISSION_DENIED',
    'UNIMPLEMENTED',
    'UNAVAILABLE',
    'UNKNOWN',
    'UNAVAILABLE',
    'UNAVAILABLE',
    'UNAVAILABLE',
    'UNKNOWN',
  ]);
  const { REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM, INADEQUATE_SECURITY, PROTOCOL_ERROR } = H2Code;
  const resets = [REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM, INADEQUATE_SECURITY, PROTOCOL_ERROR];
  assert.deepEqual(resets.map(codeOfReset).map(codeName), [
    'UNAVAILABLE',
    'CANCELLED',
    'RESOURCE_EXHAUSTED',
    'PERMISSION_DENIED',
    'INTERNAL',
  ]);
});
