/**
 * Goal: proxies that all ask at once all get a certificate, also more of them over one connection
 * than it may have waiting, which are told to come back. Method: real calls against `heddle up`;
 * `npm run loadtest -- certify` does it with 10 000.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startUp } from '../test/support/process.ts';
import { controlOf } from '../test/support/run-process.ts';
import { certifyAll } from './certify-storm.ts';

test('1500 at once over 30 connections, and 300 over one', async (t) => {
  const up = await startUp(t, null);
  const control = controlOf(up);
  const token = readFileSync(join(up.folder, 'state/local.token'), 'utf8').trim();
  const many = await certifyAll({ control, token, proxies: 1_500, connections: 30 });
  assert.deepEqual([many.certified, many.refused, many.failures], [1_500, 0, []]);
  assert.equal(many.outstandingMax, 1_500);
  const narrow = await certifyAll({ control, token, proxies: 300, connections: 1 });
  assert.deepEqual([narrow.certified, narrow.failures], [300, []]);
});
