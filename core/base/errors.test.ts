/**
 * Goal: the table of errors is whole and says nothing dangerous: what is sent again by it can not
 * have been processed. Method: every code of the table.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssertionError, assert as assertHeld, unreachable } from './assert.ts';
import type { ErrorCode } from './errors.ts';
import { errorTraits, ProxyError } from './errors.ts';

const codes = Object.keys(errorTraits) as ErrorCode[];

test('every code is a name for a header and has a summary of one line', () => {
  for (const code of codes) {
    assert.match(code, /^[A-Z][A-Z_]*[A-Z]$/);
    assert.match(errorTraits[code].summary, /^[a-zA-Z][ -~]*[^.]$/, code);
  }
});

test('a peer that got the request may have processed it', () => {
  const processed = new Set(codes.filter((code) => !errorTraits[code].unprocessed));
  for (const code of codes) {
    if (code === 'UPSTREAM_REFUSED') assert.ok(!processed.has(code), 'that is what it says');
    else if (code.startsWith('UPSTREAM_') || code === 'RESPONSE_TIMEOUT' || code === 'UNEXPECTED') {
      assert.ok(processed.has(code), code);
    }
    if (['BODY_FRAMING', 'REQUEST_TIMEOUT', 'CLIENT_GONE'].includes(code)) {
      assert.ok(processed.has(code), `${code}: part of it may have reached an endpoint`);
    }
    if (code.startsWith('CONNECT_')) assert.equal(errorTraits[code].unprocessed, true, code);
  }
});

test('an error carries code, detail, cause and a message for people', () => {
  const cause = new Error('ECONNREFUSED');
  const error = new ProxyError('CONNECT_REFUSED', '127.0.0.1:1', cause);
  assert.equal(error.name, 'ProxyError');
  assert.equal(error.code, 'CONNECT_REFUSED');
  assert.equal(error.detail, '127.0.0.1:1');
  assert.equal(error.cause, cause);
  assert.equal(error.message, 'the endpoint refused the connection: 127.0.0.1:1');
  assert.equal(error.traits.initiator, 'remote');
  const bare = new ProxyError('LOOP');
  assert.equal(bare.message, errorTraits.LOOP.summary);
  assert.equal('cause' in bare, false);
});

test('assertions throw their own error and let what holds pass', () => {
  assertHeld(true, 'holds');
  assert.throws(() => assertHeld(false, 'what had to hold'), {
    name: 'AssertionError',
    message: 'what had to hold',
  });
  assert.throws(() => unreachable('value' as never), AssertionError);
});
