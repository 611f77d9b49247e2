/**
 * Goal: the fixtures are what Linkerd's bindings make, and not what somebody wrote into them.
 * Method: the program that made them runs again, and its files are compared. Building it takes
 * longer than a test may, so tools/install-test-peers.sh does it, under a name that has the digest
 * of its sources.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { fixturesFolder } from './fixtures.ts';

test('the fixtures are current', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fixtures-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const program = `api-fixtures-${digestSources()}`;
  const { error, status, stderr } = spawnSync(program, [folder], { env: environment });
  if (error !== undefined) return t.skip(`needs ${program} (tools/install-test-peers.sh)`);
  assert.equal(status, 0, stderr.toString());
  const names = readdirSync(folder).toSorted();
  assert.deepEqual(readdirSync(fixturesFolder).toSorted(), names, instruction);
  for (const name of names) {
    const [text, expected] = [fixturesFolder, folder].map((one) => readFileSync(join(one, name)));
    assert.ok(text.equals(expected), `${name}: ${instruction}`);
  }
});

/** As tools/install-test-peers.sh does it: all files in the order of their names. */
function digestSources(): string {
  const digest = createHash('sha256');
  for (const name of readdirSync(sourcesFolder).toSorted()) {
    digest.update(readFileSync(join(sourcesFolder, name)));
  }
  return digest.digest('hex').slice(0, 12);
}

const sourcesFolder = resolve(import.meta.dirname, 'fixtures-go');
const peersFolder = resolve(import.meta.dirname, '../../.bench/bin');
const environment = { ...process.env, PATH: `${peersFolder}:${process.env.PATH}` };
const instruction = 'make them again: cd test/contract/fixtures-go && go run . ../fixtures';
