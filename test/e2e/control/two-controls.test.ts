/**
 * Goal: of two control planes either may go: the other one serves, with all that has joined, and
 * what changes meanwhile is in both afterwards. Method: real processes with state folders of their
 * own and one key, `heddle run` and a caller's proxy that know both, under load.
 */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { ControlClient } from '../../support/control-client.ts';
import { type Member, type Seat, startJoinedMesh } from '../../support/joined-mesh.ts';

describe('of two control planes', { concurrency: 2 }, () => {
  test('one serves alone, takes who joins, and the other catches up', async (t) => {
    const { mesh, first, load } = await startLoaded(t);
    const [a] = mesh.seats;
    await a.kill();
    const second = await mesh.join();
    await mesh.untilServedBy(first, second);
    await a.start();
    await bothHave(t, mesh.seats, first, second);
    await load.stop();
    assert.ok(load.answered > 100, `${load.answered} requests`);
    assert.deepEqual(load.failures, []);
  });

  test('one hears who leaves, and the other gives it up', async (t) => {
    const { mesh, first, load } = await startLoaded(t);
    const [a, b] = mesh.seats;
    const second = await mesh.join();
    await mesh.untilServedBy(first, second);
    // For as long as it takes to join again, a knows of its members from its disk.
    await a.kill();
    await a.start();
    await bothHave(t, [a], first, second);
    await b.kill();
    // Who is told of nothing just now cannot hear that a member leaves.
    await mesh.untilWatched(a);
    process.kill(first.pid, 'SIGTERM');
    assert.deepEqual(await first.ended, [null, 'SIGTERM']);
    await mesh.untilServedBy(second);
    await b.start();
    // Its disk has the member that has ended meanwhile, for as long as a lease.
    await bothHave(t, mesh.seats, second);
    await mesh.untilServedBy(second);
    await load.stop();
    assert.deepEqual(load.failures, []);
  });
});

async function startLoaded(t: TestContext) {
  const mesh = await startJoinedMesh(t, 2);
  const first = await mesh.join();
  await bothHave(t, mesh.seats, first);
  await mesh.untilServedBy(first);
  return { mesh, first, load: mesh.load() };
}

/** The same set at each, as one client sees it and beside what the caller makes of it. */
async function bothHave(t: TestContext, seats: readonly Seat[], ...members: readonly Member[]) {
  for (const { address } of seats) {
    const watch = await new ControlClient(t, address).untilKnown(web);
    await watch.untilCount(members.length);
    watch.call.cancel();
  }
}

const web = 'web.default.svc.cluster.local:80';
