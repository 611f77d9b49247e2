/**
 * Goal: a heap that really fills up is told of before V8 ends its thread, and one that only makes
 * garbage is not. Method: threads with a small heap, which keep what they make or drop it.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';

/** What the thread says, and how it ends. */
async function run(t: TestContext, keeps: boolean): Promise<unknown[]> {
  const worker = new Worker(thread, {
    eval: true,
    workerData: { keeps, module: new URL('./heap-watch.ts', import.meta.url).href },
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 3 },
  });
  t.after(() => worker.terminate());
  const heard: unknown[] = [];
  worker.on('message', (message) => heard.push(message));
  worker.on('error', (error: NodeJS.ErrnoException) => heard.push(error.code ?? error.message));
  await once(worker, 'exit').catch(() => once(worker, 'exit'));
  return heard;
}

test('a heap that fills up is told of in time', async (t) => {
  const [told] = (await run(t, true)) as [readonly number[]];
  const [usedMib, limitMib] = told;
  assert.ok(usedMib > limitMib * 0.9 && usedMib < limitMib * 1.5, `${usedMib} of ${limitMib}`);
});

test('garbage is not told of', async (t) => {
  assert.deepEqual(await run(t, false), ['done']);
});

/** 2 MiB in each turn; without keeping them until there were four times as many as fit. */
const thread = `
const { parentPort, workerData } = require('node:worker_threads');
import(workerData.module).then(({ watchHeap }) => {
  const look = watchHeap((...told) => {
    parentPort.postMessage(told);
    process.exit();
  });
  const kept = [];
  let turns = 0;
  const turn = () => {
    look();
    turns += 1;
    kept.push(new Array(250_000).fill(turns));
    if (!workerData.keeps) kept.shift();
    if (turns < 128) setTimeout(turn, 1);
    else parentPort.postMessage('done'), process.exit();
  };
  turn();
});
`;
