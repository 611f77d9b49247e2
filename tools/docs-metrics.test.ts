/** Goal: docs/METRICS.md is the table of families. Method: what the generator writes, compared. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { metricsPage, renderMetricsPage } from './docs-metrics.ts';

test('docs/METRICS.md is current', () => {
  assert.equal(
    readFileSync(metricsPage, 'utf8'),
    renderMetricsPage(),
    'regenerate it with: npx node tools/docs-metrics.ts',
  );
});
