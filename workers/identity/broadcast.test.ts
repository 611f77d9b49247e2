/**
 * Goal: nothing is confirmed before all workers that carry connections use it, whoever comes and
 * goes meanwhile. Method: workers that a test speaks for.
 */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { IdentityBroadcast } from './broadcast.ts';

const content = { name: 'web.demo', key: 'k', chain: 'c', roots: 'r' };
const factsOf = (bundle: string) => ({ bundle, issuer: 'i', leafExpiresMs: 1 });

function create() {
  const sent: string[] = [];
  const confirmed: string[] = [];
  const broadcast: IdentityBroadcast = new IdentityBroadcast({
    send: (worker, { generation }) => sent.push(`${worker}:${generation}`),
    onConfirmed: () => confirmed.push(broadcast.confirmed.bundle),
  });
  const take = (): string[] => sent.splice(0);
  return { broadcast, take, confirmed };
}

it('is confirmed by all workers', () => {
  const { broadcast, take, confirmed } = create();
  broadcast.publish(content, factsOf('first'));
  assert.equal(broadcast.snapshot?.generation, 1);
  assert.deepEqual(take(), []);
  // Both have started with it.
  broadcast.identified(0, 1);
  broadcast.workerReady(0);
  assert.deepEqual(confirmed, ['first']);
  broadcast.identified(1, 1);
  broadcast.workerReady(1);
  broadcast.publish(content, factsOf('second'));
  assert.deepEqual(take(), ['0:2', '1:2']);
  broadcast.identified(0, 2);
  assert.deepEqual(confirmed, ['first']);
  broadcast.publish(content, factsOf('third'));
  broadcast.identified(0, 3);
  broadcast.identified(1, 2);
  assert.deepEqual(confirmed, ['first', 'second']);
  broadcast.identified(1, 3);
  assert.deepEqual(confirmed, ['first', 'second', 'third']);
});

it('waits for a worker that has started with an older one', () => {
  const { broadcast, take, confirmed } = create();
  broadcast.publish(content, factsOf('first'));
  broadcast.identified(0, 1);
  broadcast.workerReady(0);
  broadcast.identified(1, 1);
  broadcast.publish(content, factsOf('second'));
  broadcast.identified(0, 2);
  // It carries nothing yet.
  assert.deepEqual(confirmed, ['first', 'second']);
  take();
  broadcast.workerReady(1);
  assert.deepEqual(take(), ['1:2']);
  broadcast.publish(content, factsOf('third'));
  broadcast.identified(0, 3);
  assert.deepEqual(confirmed, ['first', 'second']);
  broadcast.identified(1, 3);
  assert.deepEqual(confirmed, ['first', 'second', 'third']);
});

it('does not wait for one that has ended, and forgets what it used', () => {
  const { broadcast, confirmed } = create();
  broadcast.workerReady(0);
  broadcast.workerReady(1);
  broadcast.publish(content, factsOf('first'));
  broadcast.identified(0, 1);
  assert.deepEqual(confirmed, []);
  broadcast.workerEnded(1);
  assert.deepEqual(confirmed, ['first']);
  broadcast.workerEnded(0);
  broadcast.publish(content, factsOf('second'));
  assert.deepEqual(confirmed, ['first']);
  broadcast.workerReady(0);
  assert.deepEqual(confirmed, ['first']);
  broadcast.identified(0, 2);
  assert.deepEqual(confirmed, ['first', 'second']);
});
