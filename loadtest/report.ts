/** What a load test found, as a table for the terminal and as one HTML file with plots. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OpenFound } from './generator.ts';
import { drawPlot, escapeText, linearAxis, logAxis, percentileAxis, type Series } from './plot.ts';
import type { ClosedFound, K6Found } from './tools.ts';

export interface OpenRun {
  readonly subject: string;
  /** Per cent of the subject's own peak. */
  readonly share: number;
  readonly rate: number;
  readonly seconds: number;
  readonly found: OpenFound;
}

export interface LoadReport {
  readonly heading: string;
  readonly command: string;
  readonly closed: readonly { readonly subject: string; readonly found: ClosedFound }[];
  readonly open: readonly OpenRun[];
  readonly k6: readonly {
    readonly subject: string;
    readonly script: string;
    readonly found: K6Found;
  }[];
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
}

/** A title and rows, the first of which is the heading. */
interface ReportTable {
  readonly title: string;
  readonly rows: readonly (readonly string[])[];
}

function buildTables(report: LoadReport): ReportTable[] {
  const closed = report.closed.map(({ subject, found }) => [
    subject,
    found.rate.toFixed(0),
    String(found.p50Micros),
    String(found.p99Micros),
    String(found.errors),
  ]);
  const k6 = report.k6.map(({ subject, script, found }) => [
    `${subject}, ${script}`,
    found.rate.toFixed(0),
    (found.p50Ms * 1000).toFixed(0),
    (found.p99Ms * 1000).toFixed(0),
    String(found.dropped),
    `${(found.failedShare * 100).toFixed(2)} %`,
  ]);
  return [
    {
      title: 'closed loop (wrk): the peak; its latencies leave out what the stalls delayed',
      rows: [['proxy', 'requests/s', 'p50 us', 'p99 us', 'errors'], ...closed],
    },
    {
      title: 'open loop: latency from the intended start',
      rows: [openHeading, ...report.open.map(openRow)],
    },
    {
      title: 'k6',
      rows: [['proxy, script', 'requests/s', 'p50 us', 'p99 us', 'dropped', 'failed'], ...k6],
    },
  ];
}

export function renderText(report: LoadReport): string {
  const tables = buildTables(report).map(({ title, rows }) => {
    const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
    const lines = rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at])).join('  '));
    return [title, ...lines.map((line) => line.trimEnd()), ''].join('\n');
  });
  return `${[...tables, ...listMissing(report)].join('\n')}\n`;
}

export function writeReport(folder: string, report: LoadReport): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  const file = join(folder, 'index.html');
  writeFileSync(file, renderHtml(report));
  return file;
}

export function renderHtml(report: LoadReport): string {
  const tables = buildTables(report).map(({ title, rows: [heading, ...rows] }) => {
    const body = [renderRow('th', heading), ...rows.map((row) => renderRow('td', row))].join('\n');
    return `<h2>${escapeText(title)}</h2>\n<table>\n${body}\n</table>`;
  });
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><title>Load test</title>',
    `<style>${style}</style></head><body>`,
    '<h1>Load test</h1>',
    `<p>${escapeText(report.heading)}</p>`,
    `<p><code>${escapeText(report.command)}</code></p>`,
    ...tables,
    ...listMissing(report).map((line) => `<p>${escapeText(line)}</p>`),
    '<h2>Latency by percentile, and second by second</h2>',
    ...drawShares(report.open),
    '</body></html>',
    '',
  ].join('\n');
}

function renderRow(tag: 'td' | 'th', row: readonly string[]): string {
  return `<tr>${row.map((cell) => `<${tag}>${escapeText(cell)}</${tag}>`).join('')}</tr>`;
}

/** Whether the figure is the proxy's: a generator that is late measures itself. */
export function judgeGenerator(run: OpenRun): string {
  const { rate, found } = run;
  if (found.unfinished > 0) return 'behind';
  if (completedRate(run) < rate * 0.98) return 'fewer';
  return found.lateP99Micros > 2_000 ? 'late' : 'ok';
}

/** What is answered after the end is late: it does not count as throughput. */
function completedRate({ seconds, found }: OpenRun): number {
  const inTime = found.timeline.filter(({ second }) => second < seconds);
  return inTime.reduce((sum, { completed }) => sum + completed, 0) / seconds;
}

function openRow(run: OpenRun): string[] {
  const { subject, share, rate, found } = run;
  const at = (percentile: number): string =>
    String(found.curve.find((point) => point.percentile === percentile)?.micros ?? '-');
  return [
    subject,
    `${share} %`,
    rate.toFixed(0),
    completedRate(run).toFixed(0),
    ...[50, 90, 99, 99.9, 100].map(at),
    String(found.errors),
    `${judgeGenerator(run)} (${found.lateP99Micros})`,
  ];
}

function drawShares(runs: readonly OpenRun[]): string[] {
  const shares = [...new Set(runs.map(({ share }) => share))];
  return shares.flatMap((share) => {
    const chosen = runs.filter((run) => run.share === share);
    const curves = chosen.map(
      ({ subject, found }): Series => ({
        name: subject,
        points: found.curve.map(({ percentile, micros }) => ({ x: percentile, y: micros })),
      }),
    );
    const courses = chosen.map(
      ({ subject, found }): Series => ({
        name: subject,
        points: found.timeline.map(({ second, p99Micros }) => ({ x: second, y: p99Micros })),
      }),
    );
    const seconds = Math.max(1, ...courses.flatMap(({ points }) => points.map(({ x }) => x)));
    return [
      drawPlot(`${share} % of the peak`, percentileAxis(), microsAxis(curves), curves),
      drawPlot(
        `${share} % of the peak: p99 of each second`,
        linearAxis('second', seconds),
        microsAxis(courses),
        courses,
      ),
    ];
  });
}

function microsAxis(series: readonly Series[]) {
  return logAxis(
    'us',
    series.flatMap(({ points }) => points.map(({ y }) => y)),
  );
}

function listMissing(report: LoadReport): string[] {
  return report.missing.map(({ name, reason }) => `not measured: ${name}: ${reason}`);
}

const openHeading = [
  'proxy',
  'of peak',
  'intended/s',
  'completed/s',
  'p50 us',
  'p90 us',
  'p99 us',
  'p99.9 us',
  'max us',
  'errors',
  'generator (late p99 us)',
];
const style = `
body { font: 15px sans-serif; max-width: 1000px; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; } td, th { padding: 3px 10px; border-bottom: 1px solid #ddd; }
td { text-align: right; } td:first-child, th:first-child { text-align: left; }
svg { width: 100%; margin: 1em 0; font: 11px sans-serif; } svg .title { font-size: 14px; }
svg line { stroke: #ddd; }
`;
