/**
 * Goal: gRPC is recognised, and its status, time limit and message are read and written as its
 * specification says. Method: heads of given fields; tables; every status, every byte.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headOfLines } from './field-lines.ts';
import { encodeGrpcMessage, GrpcStatus, grpcStatusOf, grpcTimeoutMs, isGrpc } from './grpc.ts';
import type { Head } from './head.ts';
import { recogniseField } from './known-fields.ts';

/** As a decoder of HTTP/2 would leave it. */
function headOf(lines: string, major = 2): Head {
  const head = headOfLines(lines);
  head.major = major;
  for (let index = 0; index < head.count; index++) {
    const id = recogniseField(head.bytes, head.fields[index * 4], head.fields[index * 4 + 1]);
    head.known[index] = id;
    if (id !== 0) head.noteField(id, index);
  }
  return head;
}

test('the content type of an HTTP/2 request says that it is gRPC', () => {
  for (const type of ['application/grpc', 'application/grpc+proto', 'Application/GRPC;x=y']) {
    assert.equal(isGrpc(headOf(`content-type: ${type}\r\n`)), true, type);
    assert.equal(isGrpc(headOf(`content-type: ${type}\r\n`, 1)), false, `${type} over HTTP/1`);
  }
  for (const type of ['application/grpc-web', 'application/grp', 'text/plain', '']) {
    assert.equal(isGrpc(headOf(`content-type: ${type}\r\n`)), false, type);
  }
  assert.equal(isGrpc(headOf('')), false);
});

test('a status is a number from 0 to 16; everything else is UNKNOWN', () => {
  for (let status = 0; status <= 16; status++) {
    assert.equal(grpcStatusOf(headOf(`grpc-status: ${status}\r\n`), 99), status);
  }
  for (const text of ['17', '99', '-1', '', 'OK', '1x', '001']) {
    assert.equal(grpcStatusOf(headOf(`grpc-status: ${text}\r\n`), 99), 2, text);
  }
  assert.equal(grpcStatusOf(headOf('x: 1\r\n'), GrpcStatus.MISSING), GrpcStatus.MISSING);
});

test('a time limit has up to eight digits and a unit', () => {
  const limits: [string, number][] = [
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3_000],
    ['99999999m', 99_999_999],
    ['5000u', 5],
    ['1000000n', 1],
    ['0m', 0],
  ];
  for (const [text, ms] of limits) {
    assert.equal(grpcTimeoutMs(headOf(`grpc-timeout: ${text}\r\n`)), ms, text);
  }
  for (const text of ['', 'S', '1', '1s', '-1S', '1.5S', '123456789S', '1 S']) {
    assert.equal(grpcTimeoutMs(headOf(`grpc-timeout: ${text}\r\n`)), Infinity, text);
  }
  assert.equal(grpcTimeoutMs(headOf('')), Infinity);
});

test('a message is percent-encoded where it has to be', () => {
  assert.equal(encodeGrpcMessage('a b: 50% of é'), 'a b: 50%25 of %C3%A9');
  assert.equal(encodeGrpcMessage('\r\n\0\x7f'), '%0D%0A%00%7F');
  const visible = Array.from({ length: 95 }, (_, at) => String.fromCharCode(0x20 + at)).join('');
  assert.equal(decodeURIComponent(encodeGrpcMessage(visible)), visible);
});
