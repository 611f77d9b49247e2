/**
 * Goal: the report shows what was found, needs nothing from elsewhere and says when the generator
 * is to blame. Method: a made-up report.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OpenFound } from './generator.ts';
import { linearAxis, logAxis, percentileAxis } from './plot.ts';
import { judgeGenerator, type LoadReport, type OpenRun, renderHtml, renderText } from './report.ts';

function openRun(over: Partial<OpenFound>): OpenRun {
  const found: OpenFound = {
    completed: 200,
    curve: [50, 90, 99, 99.9, 100].map((percentile) => ({ percentile, micros: percentile * 10 })),
    lateP99Micros: 90,
    timeline: [0, 1].map((second) => ({
      second,
      completed: 100,
      p50Micros: 500,
      p99Micros: 990,
    })),
    errors: 0,
    unfinished: 0,
    ...over,
  };
  return { subject: 'ours <1>', share: 30, rate: 100, seconds: 2, found };
}

const report: LoadReport = {
  heading: 'a machine',
  command: 'npm run loadtest',
  closed: [{ subject: 'ours <1>', found: { rate: 1000, p50Micros: 60, p99Micros: 70, errors: 0 } }],
  open: [openRun({})],
  k6: [],
  missing: [{ name: 'k6', reason: 'no k6 here' }],
};

test('the text has every figure and what is missing', () => {
  const text = renderText(report);
  assert.match(text, /^ours <1> +1000 +60 +70 +0$/m);
  assert.match(text, /^ours <1> +30 % +100 +100 +500 +900 +990 +999 +1000 +0 +ok \(90\)$/m);
  assert.match(text, /^not measured: k6: no k6 here$/m);
});

test('the page holds its plots, names are escaped and nothing is loaded', () => {
  const html = renderHtml(report);
  assert.equal(html.match(/<svg /g)?.length, 2);
  assert.match(html, /ours &lt;1>/);
  assert.doesNotMatch(html, /<script|<link|src=|url\(|@import|<1>|NaN|Infinity/);
});

test('a page of nothing is still a page', () => {
  const empty = renderHtml({ ...report, closed: [], open: [] });
  assert.doesNotMatch(empty, /NaN|Infinity|undefined/);
  const bare = { ...openRun({ curve: [], timeline: [], completed: 0 }) };
  assert.doesNotMatch(renderHtml({ ...report, open: [bare] }), /NaN|Infinity|undefined/);
});

test('a generator that was late, fell short or did not end is named', () => {
  assert.equal(judgeGenerator(openRun({})), 'ok');
  assert.equal(judgeGenerator(openRun({ lateP99Micros: 5000 })), 'late');
  assert.equal(judgeGenerator(openRun({ unfinished: 1 })), 'behind');
  const slow = [{ second: 3, completed: 200, p50Micros: 1, p99Micros: 1 }];
  assert.equal(judgeGenerator(openRun({ timeline: slow })), 'fewer');
});

test('axes enclose their values', () => {
  const ticks = logAxis('us', [300, 45_000]).ticks.map(({ value }) => value);
  assert.deepEqual(ticks, [1, 10, 100, 1000, 10_000, 100_000]);
  assert.equal(linearAxis('second', 25).ticks.at(-1)?.value, 27);
  const { place } = percentileAxis();
  const steps = [place(99) - place(90), place(99.9) - place(99)];
  for (const step of steps) assert.ok(Math.abs(step - 1) < 1e-6);
});
