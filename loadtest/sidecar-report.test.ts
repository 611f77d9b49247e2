/**
 * Goal: the table of sidecars has a row for each run, in the terminal and in the docs, and its
 * command. Method: a made-up report.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderSidecars, renderSidecarsMarkdown, type SidecarReport } from './sidecar-report.ts';

const report: SidecarReport = {
  heading: 'a machine',
  command: 'npm run loadtest -- sidecar',
  runs: [
    {
      workers: 0,
      protocol: 'http1',
      found: {
        requestsPerSecond: 12_345.6,
        cpuMicros: 41.26,
        busy: 0.514,
        anonBytes: 81_400_000,
        peak: { p50Micros: 1200, p99Micros: 9800 },
        open: { p50Micros: 300.4, p99Micros: 2500, rate: 1000 },
        errors: 3,
      },
    },
  ],
};

test('figures are rounded to what they are worth', () => {
  const [, command, , heading, row] = renderSidecars(report).split('\n');
  assert.equal(command, report.command);
  assert.match(heading, /^protocol +workers +requests\/s +CPU us\/request +busy/);
  assert.equal(
    row.trim().replace(/ +/g, ' '),
    'http1 0 12346 41.3 0.51 81 1200 9800 1000 300 2500 3',
  );
});

test('the docs have the same as a table', () => {
  const lines = renderSidecarsMarkdown(report).split('\n');
  assert.equal(lines[0], '`npm run loadtest -- sidecar`, a machine');
  const widths = lines.filter((line) => line.startsWith('|')).map((line) => line.split('|').length);
  assert.deepEqual(widths, [14, 14, 14]);
});
