/**
 * Goal: the text is exactly what Prometheus and Linkerd's tools read, also with hostile label
 * values, and comes in slices. Method: whole texts compared; promtool where it is installed.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { renderExposition } from './exposition.ts';
import type { FamilyName } from './families.ts';
import { families, isFamilyName, latencyBoundsMs, traitsOf } from './families.ts';
import { MetricsMerger } from './merge.ts';
import { observe } from './registry.ts';

function createMerger(): MetricsMerger {
  return new MetricsMerger([], new FakeClock());
}

function render(merger: MetricsMerger): string {
  return [...renderExposition(merger.collect())].join('');
}

test('no series give an empty document with its end', () => {
  assert.equal(render(createMerger()), '# EOF\n');
});

test('families come in the order of the table, each with one HELP and TYPE', () => {
  const merger = createMerger();
  const { registry } = merger;
  const { cells } = registry;
  cells[registry.gauge('heddle_workers', {})] = 2;
  cells[registry.counter('request_total', { direction: 'inbound', target_port: '80' })] = 3;
  cells[registry.counter('request_total', { direction: 'outbound', authority: 'web' })] = 1.5;
  assert.equal(
    render(merger),
    [
      '# HELP request_total HTTP requests sent to an endpoint.',
      '# TYPE request_total counter',
      'request_total{direction="inbound",target_port="80"} 3',
      'request_total{direction="outbound",authority="web"} 1.5',
      `# HELP heddle_workers ${families.heddle_workers.help}`,
      '# TYPE heddle_workers gauge',
      'heddle_workers 2',
      '# EOF',
      '',
    ].join('\n'),
  );
});

test('a histogram is cumulative, with its sum and count', () => {
  const merger = createMerger();
  const { registry } = merger;
  const first = registry.histogram('response_latency_ms', { direction: 'inbound' });
  for (const value of [0.5, 2, 2, 35, 60_000]) {
    observe(registry.cells, first, latencyBoundsMs, value);
  }
  const cumulative = [1, 3, 3, 3, 3, 3, 3, 3, 4, ...new Array<number>(16).fill(4)];
  const lines = render(merger).split('\n');
  assert.deepEqual(lines.slice(2), [
    ...latencyBoundsMs.map(
      (bound, index) =>
        `response_latency_ms_bucket{direction="inbound",le="${bound}"} ${cumulative[index]}`,
    ),
    'response_latency_ms_bucket{direction="inbound",le="+Inf"} 5',
    'response_latency_ms_sum{direction="inbound"} 60039.5',
    'response_latency_ms_count{direction="inbound"} 5',
    '# EOF',
    '',
  ]);
});

test('label values cannot leave their quotes', () => {
  const merger = createMerger();
  const { registry } = merger;
  registry.counter('heddle_failfast_total', { authority: 'a"} 9\n# \\ é\u001b' });
  assert.equal(
    render(merger).split('\n')[2],
    'heddle_failfast_total{authority="a\\"} 9\\n# \\\\ é\u001b"} 0',
  );
});

test('numbers that are not finite have their names', () => {
  const merger = createMerger();
  const { registry } = merger;
  const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e21, 1e-9];
  for (const [index, value] of values.entries()) {
    registry.cells[registry.gauge('heddle_queue_length', { authority: `${index}` })] = value;
  }
  const rendered = render(merger).split('\n').slice(2, 7);
  assert.deepEqual(
    rendered.map((line) => line.split(' ')[1]),
    ['NaN', '+Inf', '-Inf', '1e+21', '1e-9'],
  );
});

test('20 000 series come in slices, and what changes between two of them does no harm', () => {
  const merger = createMerger();
  const { registry } = merger;
  const cells: number[] = [];
  for (let index = 0; index < 20_000; index++) {
    const labels = { direction: 'outbound', authority: `service-${index}.default:80` };
    cells.push(registry.counter('request_total', labels));
  }
  let text = '';
  let slices = 0;
  for (const slice of renderExposition(merger.collect())) {
    assert.ok(slice.length < 70_000);
    text += slice;
    slices += 1;
    if (slices > 3) continue;
    registry.counter('heddle_failfast_total', { authority: `${slices}` });
    registry.release(cells[slices]);
  }
  assert.ok(slices > 20);
  assert.equal(text.match(/^request_total\{/gm)?.length, 20_000);
  assert.equal(text.match(/^# HELP request_total /gm)?.length, 1);
  assert.ok(text.endsWith('# EOF\n'));
});

/** What promtool says about names that Linkerd has fixed. Nothing of ours may be added. */
const complaintsAllowed = new Set([
  'response_latency_ms metric names should not contain abbreviated units',
]);

const promtoolMissing =
  spawnSync('promtool', ['--version']).error !== undefined &&
  'promtool is not on PATH; apt-get install prometheus';

test('promtool check metrics accepts all families', { skip: promtoolMissing }, () => {
  const merger = createMerger();
  for (const name of Object.keys(families)) {
    assert.ok(isFamilyName(name));
    addSample(merger, name);
  }
  const checked = spawnSync('promtool', ['check', 'metrics'], {
    input: render(merger),
    encoding: 'utf8',
  });
  const complaints = checked.stderr.split('\n').filter((line) => line !== '');
  assert.deepEqual(
    complaints.filter((line) => !complaintsAllowed.has(line)),
    [],
  );
  assert.ok(checked.status === 0 || checked.status === 3, 'the text parses');
});

/** A series with every label of the family, through the same door as everybody's. */
function addSample(merger: MetricsMerger, name: FamilyName): void {
  const { type, labels } = traitsOf(name);
  const values = Object.fromEntries(labels.map((label) => [label, 'a"\\\nb']));
  const { registry } = merger;
  if (type === 'histogram') registry.histogram(name as 'response_latency_ms', values);
  else if (type === 'counter') registry.counter(name as 'request_total', values);
  else registry.gauge(name as 'heddle_workers', values);
}
