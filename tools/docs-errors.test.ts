/** Goal: docs/ERRORS.md is the tables of errors. Method: what the generator writes, compared. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { errorsPage, renderErrorsPage } from './docs-errors.ts';

test('docs/ERRORS.md is current', () => {
  assert.equal(
    readFileSync(errorsPage, 'utf8'),
    renderErrorsPage(),
    'regenerate it with: npx node tools/docs-errors.ts',
  );
});
