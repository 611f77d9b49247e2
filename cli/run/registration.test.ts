/**
 * Goal: a process stays announced for as long as it and a control plane live, and says once what
 * is wrong. Method: a real registry on a real port; back-off runs on a clock moved by hand.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../core/base/clock.ts';
import { seededRandom } from '../../core/base/random.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { GrpcClient } from '../../core/grpc/client.ts';
import { Code } from '../../core/grpc/status.ts';
import { Events } from '../../test/support/events.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { type RegistryOptions, startRegistry } from '../../test/support/registry.ts';
import { createGrpcEnv } from '../grpc-env.ts';
import { Registration, type Token } from './registration.ts';

test('what it says of itself is heard, and its end is confirmed', async (t) => {
  const { events, registration } = await openRig(t, {});
  await events.until('joined ');
  registration.setServing(true);
  registration.setServing(true);
  await events.until('serving');
  assert.equal(registration.leave(), true);
  await events.until('news left');
  const heard = events.all.filter((one) => one !== 'call' && !one.startsWith('joined'));
  assert.deepEqual(heard, ['join', 'not serving', 'serving', 'not serving', 'left', 'news left']);
});

test('a refusal is said once, and tried again slowly', async (t) => {
  const message = 'the token has expired';
  const refusal = { code: Code.UNAUTHENTICATED, message };
  const { events, clock, registration } = await openRig(t, { refusal });
  await events.until(`refused UNAUTHENTICATED: ${message}`);
  clock.advance(4_900);
  assert.deepEqual(events.all.filter((one) => one === 'call').length, 1);
  clock.advance(2_700);
  await events.until('call', events.all.indexOf('call') + 1);
  assert.equal(events.all.filter((one) => one.startsWith('refused')).length, 1);
  assert.equal(registration.leave(), false, 'nobody knows of it');
});

test('a control plane that goes away is joined again when it is back, as the same', async (t) => {
  const first = await openRig(t, {});
  const { events, clock, registry, registration } = first;
  await events.until('joined ');
  registration.setServing(true);
  await events.until('serving');
  await registry.close();
  await events.until(/^lost UNAVAILABLE/);
  const again = await startRegistry(t, events.add, { port: registry.port });
  const from = events.all.length;
  clock.advance(200);
  await events.until('serving', from);
  await events.until('joined ', from);
  const [before, after] = [registry, again].map(({ registrations }) => registrations[0].instance);
  assert.equal(before, after);
  assert.equal(events.all.slice(from).includes('not serving'), false);
});

test('one that was lost is asked once more when it leaves, to take it back', async (t) => {
  const { events, registry, registration } = await openRig(t, {});
  await events.until('joined ');
  registration.setServing(true);
  await events.until('serving');
  await registry.close();
  await events.until(/^lost UNAVAILABLE/);
  await startRegistry(t, events.add, { port: registry.port });
  const from = events.all.length;
  assert.equal(registration.leave(), true, 'without waiting for the back-off');
  await events.until('news left');
  const heard = events.all.slice(from).filter((one) => !/^(call|joined)/.test(one));
  assert.deepEqual(heard, ['join', 'not serving', 'left', 'news left']);
});

test('one that is gone does not hold up who leaves', async (t) => {
  const { events, registry, registration } = await openRig(t, {});
  await events.until('joined ');
  await registry.close();
  await events.until(/^lost UNAVAILABLE/);
  assert.equal(registration.leave(), true);
  await events.until('news left');
});

test('one that takes the connection and is silent is left', async (t) => {
  const server = createServer(() => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const { events, clock, registration } = createRig(t, port, () => ({ token: 'x' }));
  const [socket] = await once(server, 'connection');
  t.after(() => (socket as { destroy: () => void }).destroy());
  clock.advance(5_100);
  await events.until('lost it gives no answer within 5 s');
  assert.equal(registration.leave(), false);
});

test('a token that is not there yet is waited for', async (t) => {
  let token: Token = { problem: 'there is no file' };
  const { events, clock } = await openRig(t, {}, () => token);
  await events.until('refused there is no file');
  clock.advance(2_000);
  token = { token: 'good' };
  clock.advance(2_000);
  await events.until('joined ');
  assert.equal(events.all.filter((one) => one.startsWith('refused')).length, 1);
});

async function openRig(
  t: TestContext,
  options: RegistryOptions,
  readToken: () => Token = () => ({ token: 'a token' }),
) {
  const events = new Events();
  const registry = await startRegistry(t, events.add, options);
  return { ...createRig(t, registry.port, readToken, events), registry };
}

function createRig(
  t: TestContext,
  port: number,
  readToken: () => Token,
  events: Events = new Events(),
) {
  const clock = new FakeClock();
  const timers = new TimerWheel(clock, clock.wakeSource);
  const wheel = new TimerWheel(systemClock);
  const client = new GrpcClient(createGrpcEnv(systemClock, wheel), { host: '127.0.0.1', port });
  const registration = new Registration(client, announced, {
    timers,
    random: seededRandom(1),
    readToken,
    onNews: (news) => {
      if (news.kind === 'joined') events.add(`joined ${news.warning}`);
      else events.add(news.kind === 'left' ? 'news left' : `${news.kind} ${news.reason}`);
    },
  });
  t.after(() => {
    registration.close();
    wheel.close();
  });
  registration.open(false);
  return { clock, events, registration };
}

const announced = {
  instance: 'web-1',
  namespace: 'demo',
  service: 'web',
  servicePort: 80,
  protocol: 'auto',
  address: undefined,
  weight: 10_000,
  zone: '',
  admin: '',
  inboundPort: 0,
  version: '1',
};
