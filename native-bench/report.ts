/** Outcomes as tables: rows of text, laid out for a terminal or as Markdown. */

import type { Comparison, Figure, Figures, Measured, Outcome, Sample } from './bench.ts';
import { type Summary, summarize, summarizeRatios } from './statistics.ts';

/** The first row is the heading. */
type Table = readonly (readonly string[])[];

export function renderText(outcome: Outcome): string {
  const table = buildTable(outcome);
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
      )
      .join('  '),
  );
  return [outcome.title, ...lines, ...listMissing(outcome), ''].join('\n');
}

export function renderMarkdown(outcome: Outcome): string {
  const [heading, ...rows] = buildTable(outcome).map((row) => `| ${row.join(' | ')} |`);
  const rule = `| --- |${' ---: |'.repeat(buildTable(outcome)[0].length - 1)}`;
  const missing = listMissing(outcome).flatMap((line) => ['', line]);
  return [`**${outcome.title}**`, '', heading, rule, ...rows, ...missing, ''].join('\n');
}

/** Ratios of one table round by round, for the goals as well. */
export function compareCpu(numerator: Measured, denominator: Measured): Summary | null {
  return summarizeRatios(
    numerator.samples.map(({ cpuMicros }) => cpuMicros),
    denominator.samples.map(({ cpuMicros }) => cpuMicros),
  );
}

/** Median and, in brackets, least and greatest. */
export function formatSpread(summary: Summary | null, digits: number): string {
  if (summary === null) return '-';
  const [median, min, max] = [summary.median, summary.min, summary.max].map((value) =>
    value.toFixed(digits),
  );
  return `${median} (${min}-${max})`;
}

function listMissing(outcome: Outcome): string[] {
  return outcome.missing.map(({ name, reason }) => `not measured: ${name}: ${reason}`);
}

function buildTable(outcome: Outcome): Table {
  return outcome.kind === 'figures' ? buildFigures(outcome) : buildComparison(outcome);
}

function buildFigures(outcome: Figures): Table {
  const rows = outcome.figures.map(({ name, unit, values }) => [
    name,
    unit,
    formatSpread(summarize(values), wholeUnits.has(unit) ? 0 : 1),
  ]);
  return [['figure', 'unit', 'median (min-max)'], ...rows];
}

function buildComparison({ unit, ratio, measured }: Comparison): Table {
  const first = measured[0];
  const bulk = unit === 'GB';
  const perSecond = unit !== 'request';
  const samples = measured.flatMap((one) => one.samples);
  const timed = samples.some(({ p50Micros }) => p50Micros > 0);
  const shared = samples.some(({ originConnections }) => originConnections !== undefined);
  const name = first?.subject ?? 'first';
  const heading = [
    ratio === 'peers' ? 'proxy' : 'variant',
    perSecond ? `${pluralOf[unit]} per CPU-second` : 'CPU us/request',
    ratio === 'peers' ? `${name} / this` : `this / ${name}`,
    `${pluralOf[unit]}/s`,
    'busy',
    ...(timed ? ['p50 us', 'p99 us'] : []),
    'RSS MB',
    'RssAnon MB',
    ...(shared ? ['to origin'] : []),
    ...(timed ? ['errors'] : []),
  ];
  const rows = measured.map((one) => {
    const pick = (read: (sample: Sample) => number): Summary | null =>
      summarize(one.samples.map(read));
    const median = (read: (sample: Sample) => number, digits = 0): string =>
      pick(read)?.median.toFixed(digits) ?? '-';
    // What is done per CPU-second: the first over this one is their CPU the other way round.
    const turned = ratio === 'growth' || perSecond;
    const compared = turned ? compareCpu(one, first) : compareCpu(first, one);
    return [
      one.subject,
      formatSpread(
        pick(({ cpuMicros }) => (perSecond ? 1_000_000 / cpuMicros : cpuMicros)),
        cpuDigits[unit],
      ),
      one === first ? '1' : formatSpread(compared, 2),
      median(({ unitsPerSecond }) => unitsPerSecond, bulk ? 2 : 0),
      median(({ busy }) => busy, 2),
      ...(timed ? [median(({ p50Micros }) => p50Micros), median((at) => at.p99Micros)] : []),
      median(({ rssBytes }) => rssBytes / mb, 1),
      median(({ anonBytes }) => anonBytes / mb, 1),
      ...(shared ? [median(({ originConnections }) => originConnections ?? 0)] : []),
      ...(timed ? [String(one.samples.reduce((sum, { errors }) => sum + errors, 0))] : []),
    ];
  });
  return [heading, ...rows];
}

const pluralOf = { request: 'requests', GB: 'GB', handshake: 'handshakes' } as const;
const wholeUnits = new Set<Figure['unit']>(['ns', 'count', '1/s']);
const cpuDigits = { request: 1, GB: 2, handshake: 0 } as const;
const mb = 1_000_000;
