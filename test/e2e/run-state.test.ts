/**
 * Goal: what a client of `heddle run` was told once, the next start of it still knows when no
 * control plane is there, although its instance has another name. Method: real processes over one
 * state folder, and a control plane that is killed between them.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, startHttpOrigin, startUp } from '../support/process.ts';
import { appCommand, controlOf, type RunProcess, startRun } from '../support/run-process.ts';

async function askWeb({ events }: RunProcess): Promise<number> {
  await events.until(/^running/);
  const outbound = events.all.find((line) => /^127\.0\.0\.1:\d+$/.test(line)) ?? '';
  const { status } = await ask(Number(outbound.split(':')[1]), '/', { headers: { host: 'web' } });
  return status;
}

test('a restart without a control plane serves from its state', async (t) => {
  const origin = await startHttpOrigin(t, (_request, response) => response.end('there'));
  const yaml = `services: { web: { port: 80, endpoints: [ "127.0.0.1:${origin}" ] } }`;
  const up = await startUp(t, yaml);
  const control = ['--control', controlOf(up), '--wait', '2s'];
  const token = ['--token-file', join(up.folder, 'state/local.token')];
  const command = appCommand('say=HEDDLE_OUTBOUND', 'end=SIGTERM:0');
  const first = startRun(t, [...control, ...token, ...command]);
  assert.equal(await askWeb(first), 200);
  process.kill(first.pid, 'SIGTERM');
  assert.deepEqual(await first.ended, [0, null]);
  up.signal('SIGKILL');
  await up.ended;
  const { stateFolder } = first;
  const again = startRun(t, [...control, ...token, ...command], { stateFolder });
  assert.equal(await askWeb(again), 200);
  // A folder of another's has nothing for it.
  const other = startRun(t, [...control, ...token, ...command]);
  assert.notEqual(await askWeb(other), 200);
  for (const run of [again, other]) {
    process.kill(run.pid, 'SIGTERM');
    assert.deepEqual(await run.ended, [0, null]);
  }
});
