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
      p50Ms: 1,
      p95Ms: 10,
      p99Ms: 10,
      connections: 0,
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
