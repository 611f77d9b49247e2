/**
 * Which failures are sent again: every error code with a method that is idempotent and one that is
 * not, on a new connection and on one that was used before, and all that forbids it.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ErrorCode, errorTraits, ProxyError } from '../base/errors.ts';
import { Exchange } from '../http/exchange.ts';
import { Method } from '../http/head.ts';
import { compose, Layer } from '../stack/layer.ts';
import { Retry } from './retry.ts';

const attemptsMax = 3;
const endpoint = { host: '10.0.0.1', port: 80, slot: 0, address: '10.0.0.1:80' };

class Client extends Layer<Exchange> {
  readonly failed: ProxyError[] = [];

  override fail(_x: Exchange, error: ProxyError): void {
    this.failed.push(error);
  }
}

/** Counts attempts; an attempt has chosen an endpoint. */
class Attempts extends Layer<Exchange> {
  count = 0;

  override request(x: Exchange): void {
    this.count += 1;
    x.endpoint = endpoint;
  }
}

/** An exchange whose first attempt is under way. */
function begin(method: number) {
  const counted: boolean[] = [];
  const client = new Client();
  const retry = new Retry(attemptsMax, (sentAgain) => counted.push(sentAgain));
  const attempts = new Attempts();
  compose<Exchange>([client, retry, attempts]);
  const x = new Exchange();
  x.request.method = method;
  retry.request(x);
  return { x, client, retry, attempts, counted };
}

/** Nothing was processed, so any method goes. */
const always: ReadonlySet<ErrorCode> = new Set([
  'CONNECT_REFUSED',
  'CONNECT_TIMEOUT',
  'CONNECT_FAILED',
  'TLS_FAILED',
  'IDENTITY_MISMATCH',
  'UPSTREAM_REFUSED',
  'UPGRADE_REFUSED',
]);
const idempotent = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']);

test('what an endpoint said of an attempt is forgotten with it', () => {
  const { x, retry, attempts } = begin(Method.POST);
  x.resetCode = 7;
  retry.fail(x, new ProxyError('UPSTREAM_REFUSED'));
  assert.equal(attempts.count, 2);
  assert.equal(x.resetCode, -1);
});

describe('sent again', () => {
  for (const code of Object.keys(errorTraits) as ErrorCode[]) {
    for (const method of ['GET', 'POST'] as const) {
      for (const reused of [false, true]) {
        const race = code === 'UPSTREAM_RESET' && reused && method === 'GET';
        const expected = always.has(code) || race;
        const where = reused ? 'a used' : 'a new';
        test(`${code} of ${method} on ${where} connection: ${expected ? 'yes' : 'no'}`, () => {
          const { x, client, retry, attempts, counted } = begin(Method[method]);
          x.reused = reused;
          const error = new ProxyError(code);
          retry.fail(x, error);
          assert.equal(attempts.count, expected ? 2 : 1);
          assert.deepEqual(client.failed, expected ? [] : [error]);
          assert.deepEqual(counted, [expected]);
          assert.equal(x.error, expected ? error : null);
        });
      }
    }
  }

  test('a connection that was used before and died: idempotent methods only', () => {
    for (const [name, method] of Object.entries(Method)) {
      const { x, retry, attempts } = begin(method);
      x.reused = true;
      retry.fail(x, new ProxyError('UPSTREAM_RESET'));
      assert.equal(attempts.count, idempotent.has(name) ? 2 : 1, name);
    }
  });
});

describe('not sent again', () => {
  const refused = new ProxyError('CONNECT_REFUSED');

  test('after the last attempt', () => {
    const { x, client, retry, attempts, counted } = begin(Method.GET);
    for (let index = 0; index < attemptsMax; index++) retry.fail(x, refused);
    assert.equal(attempts.count, attemptsMax);
    assert.deepEqual(client.failed, [refused]);
    assert.deepEqual(counted, [true, true, false]);
  });

  test('when a response has begun, or there was no attempt: that is not counted either', () => {
    for (const prepare of [
      (x: Exchange) => (x.responseStarted = true),
      (x: Exchange) => (x.endpoint = null),
    ]) {
      const { x, client, retry, attempts, counted } = begin(Method.GET);
      prepare(x);
      retry.fail(x, refused);
      assert.equal(attempts.count, 1);
      assert.deepEqual(client.failed, [refused]);
      assert.deepEqual(counted, []);
    }
  });

  test('when the body is no longer whole', () => {
    const { x, client, retry, attempts } = begin(Method.PUT);
    x.bodyWhole = false;
    retry.fail(x, refused);
    assert.equal(attempts.count, 1);
    assert.deepEqual(client.failed, [refused]);
  });
});
