/** Goal: two scrapes become the right figures. Method: metrics text and exact rows. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExposition } from './exposition.ts';
import { summarizeErrors, summarizeServices } from './service-rows.ts';

const labels = 'direction="outbound",dst_namespace="default",dst_service="web"';

function scrape(requests: number, failures: number, opened: number, bad: number): string {
  const well = requests - failures;
  const latency = (le: string, count: number): string =>
    `response_latency_ms_bucket{${labels},status_code="200",le="${le}"} ${count}`;
  const echo = 'direction="outbound",peer="dst",dst_namespace="shop",dst_service="echo"';
  return `
# HELP request_total HTTP requests.
# TYPE request_total counter
request_total{${labels}} ${requests}
response_total{${labels},status_code="200",classification="success"} ${well}
response_total{${labels},status_code="502",classification="failure"} ${failures}
${latency('1', well * 0.5)}
${latency('10', well * 0.9)}
${latency('+Inf', well)}
tcp_open_total{${echo}} ${opened}
tcp_open_total{direction="outbound",peer="src"} 99
tcp_open_connections{${echo}} 2
tcp_close_total{${echo},errno=""} ${opened - bad}
tcp_close_total{${echo},errno="ECONNRESET"} ${bad}
tcp_read_bytes_total{${echo}} ${opened * 100}
heddle_errors_total{direction="outbound",code="NO_ENDPOINTS"} ${failures}
# EOF
`;
}

test('summarizes what happened between two scrapes', () => {
  const before = parseExposition(scrape(100, 10, 10, 0));
  const after = parseExposition(scrape(300, 30, 30, 5));
  const pair = { proxy: 'edge', before, after, seconds: 2 };
  const [echo, web] = summarizeServices(pair);
  assert.deepEqual(
    { ...web, p50Ms: Math.round(web.p50Ms ?? 0), p95Ms: Math.round(web.p95Ms ?? 0) },
    {
      proxy: 'edge',
      direction: 'outbound',
      service: 'web',
      protocol: 'http',
      perSecond: 100,
      success: 0.9,
      grpc: null,
      p50Ms: 1,
      p95Ms: 10,
      p99Ms: 10,
      connections: 0,
      noTlsReason: null,
      readPerSecond: 0,
      writePerSecond: 0,
    },
  );
  assert.equal(echo.service, 'echo.shop');
  assert.equal(echo.protocol, 'tcp');
  assert.deepEqual([echo.perSecond, echo.success, echo.connections], [10, 0.75, 2]);
  assert.deepEqual([echo.p50Ms, echo.readPerSecond], [null, 1000]);
  assert.deepEqual(summarizeErrors(pair), [
    { proxy: 'edge', direction: 'outbound', code: 'NO_ENDPOINTS', count: 20 },
  ]);
});

function scrapeCalls(ok: number, unavailable: number, missing: number, broken: number): string {
  const greeter = 'direction="outbound",dst_service="greeter"';
  const response = (more: string): string => `response_total{${greeter},classification=${more}}`;
  return `
request_total{${greeter}} ${ok + unavailable + missing + broken}
${response('"success",grpc_status="0"')} ${ok}
${response('"failure",grpc_status="14"')} ${unavailable}
${response('"success",grpc_status="5"')} ${missing}
${response('"failure",error="i/o"')} ${broken}
`;
}

test('calls of gRPC are counted by the names of their statuses, the most frequent first', () => {
  const before = parseExposition(scrapeCalls(10, 10, 0, 3));
  const after = parseExposition(scrapeCalls(16, 17, 0, 4));
  const [row] = summarizeServices({ proxy: 'p', before, after, seconds: 1 });
  assert.deepEqual([row.protocol, row.success], ['grpc', 6 / 14]);
  assert.deepEqual(Object.entries(row.grpc ?? {}), [
    ['UNAVAILABLE', 7],
    ['OK', 6],
    ['none', 1],
  ]);
  const [quiet] = summarizeServices({ proxy: 'p', before: after, after, seconds: 1 });
  assert.deepEqual([quiet.protocol, quiet.success, quiet.grpc], ['grpc', null, {}]);
});

test('what a status without a name is counted under is what it says', () => {
  const text =
    'request_total{dst_service="greeter"} 3\n' +
    'response_total{dst_service="greeter",classification="success",grpc_status="17"} 2\n' +
    'response_total{dst_service="greeter",classification="success",grpc_status="other"} 1\n';
  const [row] = summarizeServices({
    proxy: 'p',
    before: [],
    after: parseExposition(text),
    seconds: 1,
  });
  assert.deepEqual({ ...row.grpc }, { 17: 2, other: 1 });
});

test('a counter that fell has begun again', () => {
  const before = parseExposition(scrape(1000, 0, 0, 0));
  const after = parseExposition(scrape(50, 0, 0, 0));
  const rows = summarizeServices({ proxy: 'p', before, after, seconds: 1 });
  assert.equal(rows.find(({ service }) => service === 'web')?.perSecond, 50);
});

test('a quiet service has no share and no latency', () => {
  const samples = parseExposition(scrape(100, 0, 0, 0));
  const pair = { proxy: 'p', before: samples, after: samples, seconds: 1 };
  const web = summarizeServices(pair).find(({ service }) => service === 'web');
  assert.deepEqual([web?.perSecond, web?.success, web?.p99Ms], [0, null, null]);
});

test('reads escapes and leaves out what is no sample', () => {
  const text =
    'a{b="x\\"y\\\\z\\n",c="}"} 1e3 1700000000\nnonsense line here\nb +Inf\nc NaN\n{} 1\n';
  assert.deepEqual(
    parseExposition(text).map(({ family, labels, value }) => [family, { ...labels }, value]),
    [
      ['a', { b: 'x"y\\z\n', c: '}' }, 1000],
      ['b', {}, Number.POSITIVE_INFINITY],
    ],
  );
  const [sample] = parseExposition('a{__proto__="x"} 1');
  assert.equal(Object.getPrototypeOf(sample.labels), null);
});
