/**
 * Goal: the files of `deploy/` agree with each other. Method: both Containerfiles end alike, and
 * the Compose file names the image that `npm run image` makes.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';

const deploy = resolve(import.meta.dirname, '../../deploy');

test('the image of a release has the same settings', () => {
  const [own, release] = ['Containerfile', 'Containerfile.release'].map(readSettings);
  assert.ok(own !== undefined && own.length > 5);
  assert.deepEqual(release, own);
});

test('the Compose file names the image that is built', () => {
  const compose = readFileSync(resolve(deploy, 'compose/compose.yaml'), 'utf8');
  const manifest = readFileSync(resolve(deploy, '../package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  assert.ok(compose.includes(`localhost/heddle:${version}}`));
});

/** From the environment to the end. */
function readSettings(name: string): string[] {
  const lines = readFileSync(resolve(deploy, 'image', name), 'utf8').split('\n');
  return lines.slice(lines.findIndex((line) => line.startsWith('ENV ')));
}
