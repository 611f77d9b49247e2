/**
 * Goal: `api/gen` is what `api/proto` says. Method: both codecs are made again in a temporary
 * folder and compared, file by file.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bufMissing } from '../test/support/buf.ts';
import { generateApi, generatedFolder } from './generate-api.ts';

test('api/gen is current', { skip: bufMissing }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'api-'));
  t.after(() => rmSync(folder, { recursive: true }));
  generateApi(folder);
  const fresh = listFiles(folder);
  assert.deepEqual(listFiles(generatedFolder), fresh, instruction);
  for (const name of fresh) {
    const [text, expected] = [generatedFolder, folder].map((one) =>
      readFileSync(join(one, name), 'utf8'),
    );
    assert.equal(text, expected, `${name}: ${instruction}`);
  }
});

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .toSorted();
}

const instruction = 'regenerate it with: npm run generate';
