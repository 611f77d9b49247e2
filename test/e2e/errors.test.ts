/**
 * What clients are answered when the proxy cannot serve them: each kind of error with its status,
 * its fields and whether the connection ends, and that clients from outside learn no address.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, errorTraits, ProxyError } from '../../core/base/errors.ts';
import { Exchange } from '../../core/http/exchange.ts';
import { Respond, responseTo } from '../../core/proxy/respond.ts';
import { compose, Layer } from '../../core/stack/layer.ts';
import { answerAlways } from '../support/answer-always.ts';
import { startHarness, untilQuiet } from '../support/proxy-harness.ts';
import { dial, startOrigin } from '../support/wire.ts';

const detail = '10.1.2.3:4321: \r\nx: y';

for (const code of Object.keys(errorTraits) as ErrorCode[]) {
  test(`${code} has one answer, with its reason for callers inside only`, () => {
    const [status, close, label] = answers[code];
    const expected = responseTo(code);
    assert.deepEqual([expected.status, expected.close, expected.label], [status, close, label]);
    for (const emitting of [true, false]) {
      const x = answer(emitting, new ProxyError(code, detail));
      assert.equal(x.status, status);
      assert.equal(x.closing, close);
      const lines = x.syntheticFields.split('\r\n');
      assert.equal(x.syntheticReason, expected.reason);
      assert.equal(lines[0], `heddle-error: ${code}`);
      if (!emitting) {
        assert.deepEqual(lines.slice(1), ['']);
        assert.equal(x.syntheticBody, '');
        continue;
      }
      assert.equal(
        lines[1],
        `l5d-proxy-error: ${errorTraits[code].summary}: 10.1.2.3:4321: ??x: y`,
      );
      assert.equal(lines[2] === 'l5d-proxy-connection: close', close);
      assert.ok(x.syntheticBody.endsWith(`${expected.remedy}\n`));
    }
  });
}

/** Every code with the status, the end of the connection and Linkerd's word for it. */
const answers: Record<ErrorCode, readonly [number, boolean, string]> = {
  BAD_REQUEST: [400, true, 'unexpected'],
  HEAD_TOO_LARGE: [431, true, 'unexpected'],
  URI_TOO_LONG: [414, true, 'unexpected'],
  TOO_MANY_FIELDS: [431, true, 'unexpected'],
  BODY_FRAMING: [400, true, 'unexpected'],
  EXPECTATION_FAILED: [417, true, 'unexpected'],
  NOT_IMPLEMENTED: [501, true, 'unexpected'],
  VERSION_NOT_SUPPORTED: [505, true, 'unexpected'],
  REQUEST_TIMEOUT: [408, true, 'unexpected'],
  CLIENT_GONE: [499, true, 'i/o'],
  UNKNOWN_SERVICE: [404, false, 'unexpected'],
  UNAUTHORIZED: [403, false, 'unauthorized'],
  POLICY_UNSUPPORTED: [403, false, 'unauthorized'],
  NO_AUTHORITY: [400, true, 'unexpected'],
  LOOP: [508, true, 'unexpected'],
  NO_ENDPOINTS: [503, true, 'loadshed'],
  FAILFAST: [504, true, 'failfast'],
  QUEUE_FULL: [503, true, 'loadshed'],
  LOAD_SHED: [503, true, 'loadshed'],
  DISCOVERY_TIMEOUT: [504, true, 'failfast'],
  CONNECT_TIMEOUT: [504, true, 'i/o'],
  CONNECT_REFUSED: [502, true, 'i/o'],
  CONNECT_FAILED: [502, true, 'i/o'],
  TLS_FAILED: [502, true, 'i/o'],
  IDENTITY_MISMATCH: [502, true, 'identity required'],
  NOT_CERTIFIED: [502, true, 'identity required'],
  UPSTREAM_REFUSED: [502, true, 'i/o'],
  UPGRADE_REFUSED: [502, true, 'i/o'],
  UPSTREAM_RESET: [502, true, 'i/o'],
  UPSTREAM_MALFORMED: [502, true, 'i/o'],
  UPSTREAM_HEAD_TOO_LARGE: [502, true, 'i/o'],
  UPSTREAM_TRUNCATED: [502, true, 'i/o'],
  DEADLINE_EXCEEDED: [504, false, 'response timeout'],
  RESPONSE_TIMEOUT: [504, false, 'response timeout'],
  DRAINING: [503, true, 'loadshed'],
  UNEXPECTED: [500, true, 'unexpected'],
};

/** The exchange after its answer, as it would be written. */
function answer(emitting: boolean, error: ProxyError): Exchange {
  class Client extends Layer<Exchange> {
    override response(): void {}
    override end(): void {}
  }
  const respond = new Respond(emitting, () => {});
  compose<Exchange>([new Client(), respond]);
  const x = new Exchange();
  respond.fail(x, error);
  return x;
}

test('what a client is told on the wire: unknown, without endpoints, refused', async () => {
  const gone = await startOrigin();
  await gone.close();
  const harness = await startHarness({
    'host:unknown': { endpoints: [], state: 'absent' },
    'host:empty': { endpoints: [] },
    'host:refused': { endpoints: [{ port: gone.port }] },
    'inbound:': { endpoints: [{ port: gone.port }] },
  });
  const cases = [
    ['unknown', 404, 'UNKNOWN_SERVICE', false],
    ['empty', 503, 'NO_ENDPOINTS', true],
    ['refused', 502, 'CONNECT_REFUSED', true],
  ] as const;
  for (const [host, status, code, close] of cases) {
    const client = await dial(harness.outboundPort);
    client.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    const response = await client.readResponse();
    assert.ok(response.startsWith(`HTTP/1.1 ${status} `), response);
    assert.ok(response.includes(`\r\nheddle-error: ${code}\r\n`), response);
    assert.ok(response.includes('\r\nl5d-proxy-error: '), response);
    assert.equal(response.includes('\r\nconnection: close\r\n'), close, response);
    client.destroy();
  }
  const outside = await dial(harness.inboundPort);
  outside.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
  const response = await outside.readAll();
  assert.ok(response.startsWith('HTTP/1.1 502 '), response);
  assert.ok(!response.includes('127.0.0.1') && !response.includes('l5d-'), response);
  outside.destroy();
  const errors = (code: string): number =>
    harness.metric('heddle_errors_total', { direction: 'outbound', code });
  for (const [, , code] of cases) assert.equal(errors(code), 1, code);
  assert.equal(harness.metric('response_total', { error: 'i/o', direction: 'outbound' }), 1);
  await untilQuiet(harness);
  await harness.close();
});

test('applications that are to be told nothing get the status and the code alone', async () => {
  const targets = { 'host:empty': { endpoints: [] } };
  const harness = await startHarness(targets, { informationalHeaders: false });
  const client = await dial(harness.outboundPort);
  client.write('GET / HTTP/1.1\r\nHost: empty\r\n\r\n');
  const response = await client.readAll();
  assert.ok(response.startsWith('HTTP/1.1 503 '), response);
  assert.ok(response.includes('\r\nheddle-error: NO_ENDPOINTS\r\n'), response);
  assert.ok(response.endsWith('\r\n\r\n') && !response.includes('l5d-'), response);
  await untilQuiet(harness);
  await harness.close();
});

test('the access log has a line for each answer, in JSON and in the common format', async () => {
  for (const accessLog of ['json', 'common'] as const) {
    const origin = await startOrigin(
      answerAlways('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
    );
    const targets = { 'host:web': { endpoints: [{ port: origin.port }] } };
    const harness = await startHarness(targets, { accessLog, poolIdleTimeoutMs: 100 });
    const client = await dial(harness.outboundPort);
    client.write('GET /a?b HTTP/1.1\r\nHost: web\r\nUser-Agent: "x"\r\nX-Request-Id: r1\r\n\r\n');
    await client.readResponse();
    client.write('GET /\r\n\r\n');
    await client.readAll();
    client.destroy();
    await untilQuiet(harness);
    await harness.close();
    await origin.close();
    const [good, bad] = harness.access.join('').split('\n');
    if (accessLog === 'common') {
      assert.match(good, /^127\.0\.0\.1 - - \[[^\]]+\] "GET \/a\?b HTTP\/1\.1" 200 2$/);
      assert.match(bad, /^127\.0\.0\.1 - - \[[^\]]+\] "[^"]*" 400 -$/);
      continue;
    }
    const record = JSON.parse(good) as AccessLine;
    assert.equal(record.uri, '/a?b');
    assert.equal(record.status, 200);
    assert.equal(record.response_bytes, 2);
    assert.equal(record.user_agent, '"x"');
    assert.equal(record.trace_id, 'r1');
    assert.equal(record.host, 'web');
    assert.equal((JSON.parse(bad) as { status: number }).status, 400);
  }
});

interface AccessLine {
  readonly uri: string;
  readonly status: number;
  readonly response_bytes: number;
  readonly user_agent: string;
  readonly trace_id: string;
  readonly host: string;
}
