/**
 * Goal: calls are spread over the instances of a control plane, and none that is bad keeps them.
 * Method: clients that keep their calls open until the test ends them.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { controlCallsPerConnectionMax, controlShutMaxMs } from '../base/limits.ts';
import { seededRandom } from '../base/random.ts';
import type { CallListener } from '../grpc/client-call.ts';
import type { Method } from '../grpc/method.ts';
import { ControlChannel, type ControlClient } from './control-channel.ts';

const text = { encode: () => new Uint8Array(0), decode: () => '' };
const method: Method<string, string> = { path: '/test/Watch', request: text, response: text };

class Rig {
  readonly clock = new FakeClock();
  readonly calls = new Map<string, CallListener<string>[]>();
  readonly clients = new Map<string, number>();
  /** Ports whose calls fail at once. */
  readonly down = new Set<number>();
  readonly channel = new ControlChannel({
    clock: this.clock,
    random: seededRandom(1),
    openClient: ({ port }, anonymous) => {
      this.opened.push(`${port}${anonymous ? ' anonymous' : ''}`);
      return this.#client(port);
    },
    isSecured: () => this.isSecured,
    isOpenTo: ({ port }) => !this.closed.has(port),
  });
  readonly opened: string[] = [];
  /** Ports that take no watches of ours. */
  readonly closed = new Set<number>();
  isSecured = false;

  follow(...ports: readonly number[]): void {
    this.channel.setAddresses(ports.map((port) => ({ host: '192.0.2.1', port })));
  }

  /** Opens so many; whom they went to, sorted, with the number of each. */
  open(count: number): Record<string, number> {
    const counts: Record<string, number> = {};
    for (let at = 0; at < count; at++) {
      const call = this.channel.open(method, '', quiet);
      const port = call?.address.split(':')[1] ?? 'none';
      counts[port] = (counts[port] ?? 0) + 1;
    }
    return counts;
  }

  #client(port: number): ControlClient {
    const name = String(port);
    this.clients.set(name, (this.clients.get(name) ?? 0) + 1);
    const own: CallListener<string>[] = [];
    const client = {
      call: (_method: unknown, listener: CallListener<string>) => {
        if (this.down.has(port)) listener.onEnd({ code: 14, message: 'down' });
        else own.push(listener);
        return { send: () => undefined, end: () => undefined, cancel: () => undefined };
      },
      close: () => {
        this.clients.set(name, (this.clients.get(name) ?? 0) - 1);
        for (const listener of own.splice(0)) listener.onEnd({ code: 1, message: 'closed' });
      },
    };
    this.calls.set(name, own);
    return client as unknown as ControlClient;
  }
}

const quiet: CallListener<string> = { onMessage: () => undefined, onEnd: () => undefined };

test('without an address there is no call, and a waiter hears of the first', () => {
  const rig = new Rig();
  assert.deepEqual(rig.open(1), { none: 1 });
  let heard = 0;
  rig.channel.whenUsable(() => {
    heard += 1;
  });
  rig.follow();
  assert.equal(heard, 0);
  rig.follow(1);
  rig.follow(1, 2);
  assert.equal(heard, 1);
});

test('calls are spread evenly', () => {
  const rig = new Rig();
  rig.follow(1, 2, 3);
  const counts = Object.values(rig.open(300));
  assert.ok(Math.min(...counts) > 80 && Math.max(...counts) < 120, counts.join());
});

test('one that fails is passed over, then asked by one call at a time', () => {
  const rig = new Rig();
  rig.follow(1, 2);
  rig.down.add(1);
  const counts = rig.open(100);
  assert.equal(counts[1], 1);
  assert.equal(rig.channel.state, 'usable');
  rig.clock.advance(1_600);
  rig.down.clear();
  assert.equal(rig.open(20)[1], 1);
  // It answers: all is forgotten.
  rig.calls.get('1')?.[0].onMessage('a');
  assert.ok(rig.open(100)[1] > 50);
});

test('when all have failed, they are asked all the same', () => {
  const rig = new Rig();
  rig.follow(1, 2);
  rig.down.add(1).add(2);
  const counts = rig.open(100);
  assert.equal(rig.channel.state, 'failing');
  assert.ok(counts[1] > 0 && counts[2] > 0);
  rig.down.clear();
  rig.clock.advance(controlShutMaxMs * 2);
  assert.equal(Object.values(rig.open(2)).length, 2);
});

test('an instance that vanishes loses its calls, one that stays keeps them', () => {
  const rig = new Rig();
  rig.follow(1, 2);
  rig.open(10);
  const kept = rig.calls.get('1')?.length;
  rig.follow(1, 3);
  assert.equal(rig.calls.get('2')?.length, 0);
  assert.equal(rig.calls.get('1')?.length, kept);
  assert.deepEqual(
    [...rig.clients],
    [
      ['1', 1],
      ['2', 0],
      ['3', 0],
    ].slice(0, rig.clients.size),
  );
});

test('an anonymous call has a connection of its own where others show a certificate', () => {
  const rig = new Rig();
  rig.follow(1);
  rig.open(1);
  rig.channel.openAnonymous(method, '', quiet);
  assert.deepEqual(rig.opened, ['1']);
  rig.isSecured = true;
  const call = rig.channel.openAnonymous(method, '', quiet);
  assert.deepEqual(rig.opened, ['1', '1 anonymous']);
  // Nobody else gets it, and it goes with its call.
  rig.open(2);
  assert.deepEqual(rig.opened, ['1', '1 anonymous']);
  call?.cancel(false);
  assert.equal(rig.clients.get('1'), 1);
  rig.channel.close();
  assert.equal(rig.clients.get('1'), 0);
});

test('where we have proved nothing yet, only anonymous calls go', () => {
  const rig = new Rig();
  rig.isSecured = true;
  rig.closed.add(1);
  rig.follow(1);
  assert.equal(rig.channel.open(method, '', quiet), null);
  assert.equal(rig.channel.openStream(method, '', quiet), null);
  assert.ok(rig.channel.openAnonymous(method, '', quiet) !== null);
  let woken = 0;
  rig.channel.whenUsable(() => {
    woken += 1;
  });
  rig.closed.clear();
  rig.channel.renew(() => true);
  assert.equal(woken, 1);
  assert.equal(rig.clients.get('1'), 0);
  // Hanging up speaks against nobody.
  assert.equal(rig.channel.state, 'usable');
  assert.ok(rig.channel.openStream(method, '', quiet) !== null);
});

test('a connection has so many calls, and those beyond it get another', () => {
  const rig = new Rig();
  rig.follow(1);
  const calls = Array.from({ length: controlCallsPerConnectionMax * 2 + 1 }, () =>
    rig.channel.open(method, '', quiet),
  );
  assert.equal(rig.clients.get('1'), 3);
  for (const call of calls) call?.cancel(false);
  assert.equal(rig.clients.get('1'), 1);
  rig.channel.close();
  assert.equal(rig.clients.get('1'), 0);
});
