/**
 * Goal: the page about configuration is true. Method: what is generated is generated anew and
 * compared; every example is loaded.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { environmentSettings } from '../control/model/default-settings.ts';
import { parseConfig } from '../control/sources/parse-config.ts';
import { generateDocs } from './docs-config.ts';

const root = resolve(import.meta.dirname, '..');
const page = readFileSync(resolve(root, 'docs/CONFIG.md'), 'utf8');

test('schema and tables are those of the code', () => {
  for (const [path, text] of generateDocs(root)) {
    const found = readFileSync(resolve(root, path), 'utf8');
    assert.ok(found === text, `${path} is stale: run npx node tools/docs-config.ts`);
  }
});

test('every setting is in the table with its meaning', () => {
  const result = parseConfig('heddle.yaml', '');
  assert.ok('config' in result);
  for (const key of Object.keys(result.config.settings)) {
    const isOfFile = key !== 'binds' && !(key in environmentSettings);
    if (isOfFile) assert.match(page, new RegExp(`\\| \`proxy\\.${key}\` \\|.*\\w+.* \\|`));
  }
});

test('every YAML example is a valid configuration', () => {
  const examples = Array.from(page.matchAll(/^```yaml\n(.*?)^```$/gms), (match) => match[1]);
  assert.ok(examples.length >= 3);
  for (const example of examples) {
    const result = parseConfig('docs/CONFIG.md', example);
    assert.ok('config' in result, JSON.stringify(result));
  }
});
