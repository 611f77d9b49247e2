/**
 * Goal: workers get what they want, and a slot is used again only when everybody is done with it.
 * Method: a discovery that tells what the test says, real slots, snapshots decoded.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Discovery, ResolvedTarget } from '../api/discovery.ts';
import { createSharedMemory } from '../api/shared-memory.ts';
import { decodeSnapshot, type TargetSnapshot } from '../api/snapshot.ts';
import { SlotAllocator } from '../core/balance/slot-allocator.ts';
import { Slots } from '../core/balance/slots.ts';
import { systemClock } from '../core/base/clock.ts';
import { seededRandom } from '../core/base/random.ts';
import { Publisher } from './snapshot.ts';

interface Rig {
  readonly publisher: Publisher;
  readonly slots: SlotAllocator;
  readonly sent: [worker: number, snapshot: TargetSnapshot][];
  readonly watched: Map<string, (target: ResolvedTarget) => void>;
  readonly tell: (key: string, ports: readonly number[], authority?: string) => void;
}

function createRig(slotCount = 64): Rig {
  const memory = createSharedMemory({ workers: 3, slots: slotCount, cells: 1 }, 0);
  const slots = new SlotAllocator(new Slots(memory, -1, systemClock, seededRandom(1)));
  const watched: Rig['watched'] = new Map();
  const sent: Rig['sent'] = [];
  const discovery: Discovery = {
    watch(key, onChange) {
      watched.set(key, onChange);
      return () => watched.delete(key);
    },
    status: () => ({ kind: 'inline', location: '', confirmedWallMs: 0, error: null }),
    close: () => {},
  };
  const publisher = new Publisher({
    discovery,
    slots,
    send: (worker, bytes) => sent.push([worker, decodeSnapshot(bytes)]),
    onSlotsExhausted: () => {},
  });
  for (const worker of [0, 1]) publisher.workerStarting(worker, 0);
  return {
    publisher,
    slots,
    sent,
    watched,
    tell(key, ports, authority = key) {
      watched.get(key)?.({
        state: 'ready',
        authority,
        namespace: 'default',
        service: 'web',
        protocol: 'auto',
        endpoints: ports.map((port) => ({ host: '127.0.0.1', port, weight: 1, zone: '' })),
      });
    },
  };
}

const slotsOf = (snapshot: TargetSnapshot): number[] => snapshot.endpoints.map(({ slot }) => slot);

test('one watch serves all workers, each gets every change, numbered upwards', () => {
  const { publisher, sent, watched, tell } = createRig();
  publisher.want(0, 'a');
  assert.equal(sent.length, 0);
  tell('a', [1]);
  publisher.want(1, 'a');
  tell('a', [1, 2]);
  assert.deepEqual(
    sent.map(([worker, { endpoints }]) => [worker, endpoints.length]),
    [
      [0, 1],
      [1, 1],
      [0, 2],
      [1, 2],
    ],
  );
  assert.equal(sent[0][1].generation, sent[1][1].generation);
  assert.ok(sent[2][1].generation > sent[0][1].generation);
  assert.equal(slotsOf(sent[2][1])[0], slotsOf(sent[0][1])[0]);
  assert.equal(watched.size, 1);
});

test('what nobody wants is watched no more, and its slots come back', () => {
  const { publisher, slots, watched, tell } = createRig();
  publisher.want(0, 'a');
  publisher.want(1, 'a');
  tell('a', [1, 2]);
  publisher.idle(0, 'a');
  assert.equal(watched.size, 1);
  publisher.idle(1, 'a');
  assert.equal(watched.size, 0);
  assert.equal(slots.freeCount, 64);
});

test('a slot that left the set waits for each worker that had it', () => {
  const { publisher, slots, sent, tell } = createRig();
  publisher.want(0, 'a');
  publisher.want(1, 'a');
  tell('a', [1, 2]);
  const [, left] = slotsOf(sent[0][1]);
  tell('a', [1]);
  assert.equal(slots.retiredCount, 1);
  publisher.released(0, [left]);
  assert.equal(slots.retiredCount, 1);
  publisher.released(1, [left]);
  assert.equal(slots.retiredCount, 0);
});

test('a worker that goes idle or ends releases what it had, said or not', () => {
  const { publisher, slots, tell } = createRig();
  publisher.want(0, 'a');
  publisher.want(1, 'a');
  tell('a', [1, 2]);
  tell('a', [1]);
  publisher.idle(0, 'a');
  publisher.workerEnded(1);
  assert.equal(slots.retiredCount, 0);
  assert.equal(slots.freeCount, 64);
  publisher.workerStarting(1, 1);
  publisher.want(1, 'a');
  tell('a', [1]);
  assert.equal(slots.freeCount, 63);
});

test('names of one service share slots, which wait for both', () => {
  const { publisher, slots, sent, tell } = createRig();
  publisher.want(0, 'a');
  publisher.want(0, 'b');
  tell('a', [1], 'web:80');
  tell('b', [1], 'web:80');
  const [slot] = slotsOf(sent[0][1]);
  assert.deepEqual(slotsOf(sent[1][1]), [slot]);
  tell('a', [], 'web:80');
  publisher.released(0, [slot]);
  assert.equal(slots.retiredCount, 0);
  tell('b', [], 'web:80');
  assert.equal(slots.retiredCount, 1);
  publisher.released(0, [slot]);
  assert.equal(slots.retiredCount, 0);
  publisher.released(0, [slot]);
  assert.equal(slots.freeCount, 64);
});

test('an endpoint that comes back while it leaves has a slot that is in use', () => {
  const { publisher, slots, sent, tell } = createRig();
  publisher.want(0, 'a');
  tell('a', [1]);
  tell('a', []);
  tell('a', [1]);
  const [before, after] = [slotsOf(sent[0][1])[0], slotsOf(sent[2][1])[0]];
  assert.notEqual(before, after);
  publisher.released(0, [before]);
  assert.equal(slots.retiredCount, 0);
  assert.equal(slots.freeCount, 63);
});

test('without a slot an endpoint is left out, the others are there', () => {
  const { publisher, sent, tell } = createRig(2);
  publisher.want(0, 'a');
  tell('a', [1, 2, 3]);
  assert.equal(sent[0][1].endpoints.length, 2);
});
