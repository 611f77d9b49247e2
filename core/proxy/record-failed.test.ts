/**
 * Goal: what the proxy answers by itself is told in the words that operators of Linkerd search for,
 * with the client and the way it came. Method: exact records of requests of both directions.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultConfig } from '../../control/model/default-settings.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { type ErrorCode, ProxyError } from '../base/errors.ts';
import type { Exchange } from '../http/exchange.ts';
import { Logger } from '../telemetry/log.ts';
import { parseLogFilter } from '../telemetry/log-filter.ts';
import { formatPlain, type LogRecord } from '../telemetry/log-format.ts';
import type { Core, DirectionName } from './core.ts';
import { recordFailed } from './record-failed.ts';

const targetText = '/pkg.Service/Call?token=1';

function exchangeOf(over: object, connection: object): Exchange {
  const bytes = Buffer.from(`POST ${targetText} HTTP/1.1`);
  const pathStart = 'POST '.length;
  const request = {
    major: 1,
    minor: 1,
    bytes,
    pathStart,
    targetEnd: pathStart + targetText.length,
  };
  const client = {
    connection: { peer: '10.0.0.7:4000', identity: null, fixedTarget: null, ...connection },
  };
  return { request, isGrpc: false, client, ...over } as unknown as Exchange;
}

function linesOf(name: DirectionName, code: ErrorCode, x: Exchange, filter = 'info'): string[] {
  const records: LogRecord[] = [];
  const log = new Logger((record) => records.push(record), new FakeClock(), filter);
  const settings = {
    ...defaultConfig.settings,
    outbound: { host: '127.0.0.1', port: 4140 },
    inbound: { host: '0.0.0.0', port: 4143 },
  };
  const core = { log, settings } as unknown as Core;
  recordFailed({ name, core }, x, new ProxyError(code, 'web:80'));
  const shown = parseLogFilter(filter).filter;
  return records.map((record) => formatPlain(shown.show(record), 0, 1).slice(17).trimEnd());
}

test('a call of gRPC that nobody is there for', () => {
  const x = exchangeOf({ isGrpc: true }, { fixedTarget: { key: 'addr:10.0.0.1:80' } });
  assert.deepEqual(linesOf('outbound', 'LOAD_SHED', x), [
    ' INFO ThreadId(01) outbound:proxy{addr=10.0.0.1:80}:rescue{client.addr=10.0.0.7:4000}: ' +
      'heddle::proxy::respond: gRPC request failed ' +
      'error="service unavailable: the proxy takes no more load: web:80" code=LOAD_SHED ' +
      'path=/pkg.Service/Call',
  ]);
});

test('all spans are there for who wants to see debug', () => {
  const x = exchangeOf({}, { fixedTarget: { key: 'inbound:10.0.0.2:8080' } });
  const [line] = linesOf('inbound', 'FAILFAST', x, 'debug');
  assert.ok(
    line.startsWith(
      ' INFO ThreadId(01) inbound:accept{client.addr=10.0.0.7:4000}:server{port=8080}:http:' +
        'rescue{client.addr=10.0.0.7:4000}: heddle::proxy::respond: HTTP/1.1 request failed ' +
        'error="service in fail-fast: ',
    ),
    line,
  );
});

test('a peer of the mesh that came by the gateway', () => {
  const identity = { name: 'web.default', line: '' };
  const x = exchangeOf({}, { identity, fixedTarget: { key: 'bind:api.default:80' } });
  const [line] = linesOf('outbound', 'LOOP', x);
  assert.match(
    line,
    /\) inbound:server\{port=4143\}:gateway\{dst=api\.default:80\}:rescue\{client\.addr=[\d.:]+\}: /,
  );
});

test('what nobody has foreseen is a warning too', () => {
  const lines = linesOf('inbound', 'UNEXPECTED', exchangeOf({ request: { pathStart: -1 } }, {}));
  assert.equal(lines.length, 2);
  assert.match(lines[1], /^ WARN ThreadId\(01\) inbound:server\{port=4143\}:rescue\{/);
  assert.match(lines[1], /: Unexpected error error="unexpected error: web:80" code=UNEXPECTED$/);
  assert.doesNotMatch(lines[0], /path=/);
  assert.equal(linesOf('inbound', 'UNEXPECTED', exchangeOf({}, {}), 'warn').length, 1);
  assert.equal(linesOf('inbound', 'BAD_REQUEST', exchangeOf({}, {})).length, 1);
});

test('a path may hold anything and stays in its line', () => {
  const bytes = Buffer.from('/\u0001\n" }:x', 'latin1');
  const request = { major: 1, minor: 0, bytes, pathStart: 0, targetEnd: bytes.length };
  const [line] = linesOf('inbound', 'FAILFAST', exchangeOf({ request }, {}));
  assert.ok(line.endsWith(' path="/\\u0001\\n\\" }:x"'), line);
});
