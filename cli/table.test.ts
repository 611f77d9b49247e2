/** Goal: tables line up and nothing in them steers a terminal. Method: exact lines. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServiceRow } from './service-rows.ts';
import { renderServices } from './stat-table.ts';
import {
  cleanText,
  formatAge,
  formatByteRate,
  formatMilliseconds,
  formatRate,
  formatShare,
} from './table.ts';

const web: ServiceRow = {
  proxy: 'edge',
  direction: 'outbound',
  service: 'web',
  protocol: 'http',
  perSecond: 40.04,
  success: 1,
  grpc: null,
  p50Ms: 1.25,
  p95Ms: 20.4,
  p99Ms: 1500,
  connections: 3,
  noTlsReason: '',
  readPerSecond: 1234,
  writePerSecond: 12,
};
const echo: ServiceRow = {
  ...web,
  service: 'echo\x1b[2J',
  protocol: 'tcp',
  success: 0.5,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
};

const greeter: ServiceRow = {
  ...web,
  service: 'greeter',
  protocol: 'grpc',
  success: 0.974,
  grpc: { OK: 970, UNAVAILABLE: 20, NOT_FOUND: 4, none: 3, UNKNOWN: 2, INTERNAL: 1 },
};

const plain = { form: 'table', color: false, columns: Number.POSITIVE_INFINITY } as const;

test('columns are as wide as what is in them', () => {
  const errors = [{ proxy: 'edge', direction: 'outbound', code: 'NO_ENDPOINTS', count: 3 }];
  assert.deepEqual(renderServices([web, echo], errors, plain).split('\n'), [
    'PROXY   DIRECTION   SERVICE    SUCCESS    RPS     P50    P95     P99   TCP',
    'edge    outbound    web        100.00%   40.0   1.3ms   20ms   1.50s     3',
    'edge    outbound    echo?[2J    50.00%   40.0       -      -       -     3',
    'errors: edge outbound: NO_ENDPOINTS 3x',
    '',
  ]);
});

test('columns move together where that makes lines fit', () => {
  const [head] = renderServices([web, echo], [], { ...plain, columns: 73 }).split('\n');
  assert.equal(head, 'PROXY  DIRECTION  SERVICE   SUCCESS   RPS    P50   P95    P99  TCP');
});

test('lines are cut where a terminal would wrap them', () => {
  const errors = [{ proxy: 'edge', direction: 'outbound', code: 'NO_ENDPOINTS', count: 3 }];
  const lines = renderServices([web, echo], errors, { ...plain, columns: 20 }).split('\n');
  assert.deepEqual(
    lines.map((line) => line.length),
    [20, 20, 20, 20, 0],
  );
});

test('wide tables have more columns, colours are by line', () => {
  const text = renderServices([web, echo], [], { ...plain, form: 'wide', color: true });
  const [head, good, bad] = text.split('\n');
  assert.ok(head.startsWith('\x1b[1mPROXY ') && head.endsWith(' WRITTEN   GRPC\x1b[0m'));
  assert.match(good, /^edge .* 1\.2KB\/s +12B\/s {3}-$/);
  assert.ok(bad.startsWith('\x1b[31medge ') && bad.endsWith('\x1b[0m'));
});

test('calls of gRPC that were not OK have a line, and all a column of the wide table', () => {
  const edge = { proxy: 'edge', direction: 'outbound' };
  const errors = [
    { ...edge, code: 'UPSTREAM_RESET', count: 3 },
    { ...edge, code: 'LOAD_SHED', count: 1 },
    { ...edge, direction: 'inbound', code: 'LOOP', count: 2 },
  ];
  const rows = [web, greeter, { ...greeter, proxy: 'web', grpc: { NOT_FOUND: 1 } }];
  assert.deepEqual(renderServices(rows, errors, plain).split('\n').slice(4), [
    'grpc: edge outbound greeter: UNAVAILABLE 20x, NOT_FOUND 4x, none 3x, others 3x; ' +
      'web outbound greeter: NOT_FOUND 1x',
    'errors: edge outbound: UPSTREAM_RESET 3x, LOAD_SHED 1x; edge inbound: LOOP 2x',
    '',
  ]);
  const fine = { ...greeter, grpc: { OK: 3 } };
  assert.equal(renderServices([fine], [], plain).split('\n').length, 3);
  const quiet = { ...greeter, grpc: {} };
  const wide = renderServices([greeter, fine, quiet], [], { ...plain, form: 'wide' }).split('\n');
  assert.deepEqual(
    wide.map((line) => line.split('12B/s   ')[1]),
    [undefined, 'OK 97%, UNAVAILABLE 2%, NOT_FOUND <1%, others <1%', 'OK 100%', '-', undefined],
  );
  assert.deepEqual([wide.length, wide[1].split(/ +/)[3]], [5, 'grpc']);
  const most = { ...greeter, grpc: { OK: 999, INTERNAL: 1 } };
  assert.match(renderServices([most], [], { ...plain, form: 'wide' }), /OK >99%, INTERNAL <1%\n$/);
});

test('rows of one direction leave it out, and fit 80 columns with what they speak', () => {
  const rows = [{ ...greeter, perSecond: 1234, p50Ms: 1500, p95Ms: 1500, connections: 12 }, web];
  const lines = renderServices(rows, [], { ...plain, form: 'outbound' }).split('\n');
  assert.match(lines[0], /^PROXY +SERVICE +PROTOCOL +SUCCESS +RPS /);
  assert.match(lines[1], /^edge +greeter +grpc +97\.40% /);
  for (const line of lines.slice(0, 3)) assert.ok(line.length <= 80, line);
});

test('numbers are short and never round a failure away', () => {
  assert.deepEqual([1, 0.99999, 0, null].map(formatShare), ['100.00%', '99.99%', '0.00%', '-']);
  assert.deepEqual([0.04, 9.94, 9.96, 999, 999.9, null].map(formatMilliseconds), [
    '0.0ms',
    '9.9ms',
    '10ms',
    '999ms',
    '1.00s',
    '-',
  ]);
  assert.deepEqual([0, 99.94, 1234.5].map(formatRate), ['0.0', '99.9', '1235']);
  assert.deepEqual([0, 999, 1500, 2e7, 3e13].map(formatByteRate), [
    '0B/s',
    '999B/s',
    '1.5KB/s',
    '20.0MB/s',
    '30000.0GB/s',
  ]);
});

test('ages have one unit', () => {
  const rows: [number | null, string][] = [
    [null, '-'],
    [-0.005, '0s'],
    [0.999, '0s'],
    [119.9, '119s'],
    [120, '2m'],
    [7_199, '119m'],
    [7_200, '2h'],
    [172_799, '47h'],
    [172_800, '2d'],
    [400 * 86_400, '400d'],
  ];
  for (const [seconds, text] of rows) {
    assert.equal(formatAge(seconds === null ? null : seconds * 1000), text);
  }
});

test('control and direction characters become question marks', () => {
  assert.equal(cleanText('a\x1b]0;b\x07\u202ec\u2028\x9b'), 'a?]0;b??c??');
});
