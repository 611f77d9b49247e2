/**
 * Goal: whatever becomes of the control plane, those that joined stay endpoints, and no request
 * fails. Method: real processes under load; a freeze that is longer than the lease.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlClient } from '../../support/control-client.ts';
import { type Seat, startJoinedMesh } from '../../support/joined-mesh.ts';

describe('joined processes', { concurrency: 3 }, () => {
  test('a control plane that is frozen for longer than the lease loses nobody', async (t) => {
    const { mesh, members, load } = await startLoaded(t);
    const [seat] = mesh.seats;
    // Their leases have begun to run when it stops.
    mesh.relay.mode = 'absent';
    await untilLost(t, seat);
    seat.process.signal('SIGSTOP');
    await sleep(leaseMs + 1_000);
    mesh.relay.mode = 'pass';
    seat.process.signal('SIGCONT');
    // Whoever would be lost now would be within a lease.
    const watch = watchWeb(t, seat);
    await watch.message(1);
    assert.equal(watch.endpoints.length, members.length);
    await sleep(3_000);
    assert.equal(watch.endpoints.length, members.length);
    assert.equal(watch.messages.length, 1);
    await mesh.untilServedBy(...members);
    await load.stop();
    assert.ok(load.answered > 100, `${load.answered} requests`);
    assert.deepEqual(load.failures, []);
  });

  test('a control plane that is killed and started again loses nobody', async (t) => {
    const { mesh, members, load } = await startLoaded(t);
    const [seat] = mesh.seats;
    await untilStored(t, seat, members.length);
    await seat.kill();
    await seat.start();
    const watch = watchWeb(t, seat);
    await watch.message(1);
    assert.equal(watch.endpoints.length, members.length, 'from its disk');
    await Promise.all(members.map(({ events }) => events.untilCount(/^heddle: joined /, 2)));
    await mesh.untilServedBy(...members);
    assert.equal(watch.messages.length, 1);
    await load.stop();
    assert.deepEqual(load.failures, []);
  });

  test('a control plane that starts with nothing has all back, and costs no request', async (t) => {
    const { mesh, members, load } = await startLoaded(t);
    const [seat] = mesh.seats;
    await seat.kill();
    seat.forget();
    await seat.start();
    await mesh.untilServedBy(...members);
    const later = await mesh.join();
    await mesh.untilServedBy(...members, later);
    await load.stop();
    assert.deepEqual(load.failures, []);
  });
});

async function startLoaded(t: TestContext) {
  const mesh = await startJoinedMesh(t);
  const members = await Promise.all([mesh.join(), mesh.join()]);
  await mesh.untilServedBy(...members);
  return { mesh, members, load: mesh.load() };
}

/** Nobody is connected who has joined. */
async function untilLost(t: TestContext, { address }: Seat): Promise<void> {
  const client = new ControlClient(t, address);
  for (;;) {
    const { instances } = await client.ask('heddle.view.v1.View', 'Status', {});
    const connected = (instances as readonly Instance[]).filter((one) => one.connected === true);
    if (connected.length === 0) return;
    if (t.signal.aborted) throw new Error(JSON.stringify(instances));
  }
}

interface Instance {
  readonly connected?: boolean;
}

function watchWeb(t: TestContext, seat: Seat) {
  return new ControlClient(t, seat.address).get('web.default.svc.cluster.local:80');
}

/** What was said last is on disk, which takes a fifth of a second. */
async function untilStored(t: TestContext, { stateFolder }: Seat, count: number): Promise<void> {
  for (;;) {
    const stored = readFileSync(join(stateFolder, 'registry.json'), 'utf8');
    if (stored.split('"serving":true').length === count + 1) return;
    if (t.signal.aborted) throw new Error(stored);
    await sleep(20);
  }
}

const leaseMs = 10_000;
