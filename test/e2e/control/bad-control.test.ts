/**
 * Goal: what a control plane says is taken as far as it makes sense; what does not is refused with
 * a reason, and what was good before serves on. Method: a proxy under load, and a control plane of
 * grpc-js that says what a test scripts.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { UpdateSchema } from '../../../api/gen/control/destination_pb.ts';
import { FakeControl } from '../../support/fake-control.ts';
import {
  ask,
  startHttpOrigin,
  startLoad,
  startProxy,
  untilMetrics,
} from '../../support/process.ts';

test('sets that make no sense are refused, and the last good one serves', async (t) => {
  const { origins, says, watched, load, answers } = await setUp(t);
  const [old, next] = origins;
  const many = Array.from({ length: 100_000 }, (_, at) => endpoint(1 + (at % 60_000), at));
  const rows: [string, JsonValue | Buffer, RegExp][] = [
    ['too many', { add: { addrs: many } }, /10000\d endpoints are more than 16384/],
    ['port 0', { add: { addrs: [endpoint(next), endpoint(0)] } }, /has no address or no port/],
    ['a negative port', negativePort(), /has no address or no port/],
    ['no address', { add: { addrs: [{ weight: 1 }] } }, /has no address or no port/],
    ['twice', { add: { addrs: [endpoint(next), endpoint(next)] } }, /is there twice/],
    ['10 MB', Buffer.alloc(10 * 1024 * 1024, 'x'), /RESOURCE_EXHAUSTED/],
    ['no message', Buffer.from('garbage'), /INTERNAL|cannot be read|malformed/],
  ];
  for (const [what, message, reason] of rows) {
    says(message);
    const { error } = await watched((row) => row.error !== null);
    assert.match(String(error), reason, what);
    assert.equal(await answers(), String(old), what);
    says({ add: { addrs: [endpoint(old)] } });
    await watched((row) => row.error === null && row.phase === 'live');
  }
  says({ add: { addrs: [endpoint(next)] } });
  while ((await answers()) !== String(next));
  await load.stop();
  assert.ok(load.answered > 100, `${load.answered} requests`);
  assert.deepEqual(load.failures, []);
});

test('100 000 endpoints in small messages are refused once they are too many', async (t) => {
  const { proxy, control, origins, outbound, admin, load, answers } = await setUp(t);
  const [old, next] = origins;
  control.service('api:80', []);
  const saysOfApi = (port: number): void =>
    control.say('destination', 'api:80', { add: { addrs: [endpoint(port)] } });
  saysOfApi(old);
  const other = startLoad(t, outbound, 'api', 2, 2);
  const answersOfApi = async (): Promise<string> =>
    (await ask(outbound, '/', { headers: { host: 'api' } })).body;
  while ((await answersOfApi()) !== String(old));
  const [call] = control.open('destination', name);
  // Until it says so, the next streams hear nothing.
  control.script.set(`destination ${name}`, status.UNAVAILABLE);
  const batch = 2_000;
  for (let first = 1; first <= 100_000; first += batch) {
    // All of 127.0.0.0/8 is this machine, so that each of them answers.
    const addrs = Array.from({ length: batch }, (_, at) => endpoint(old, 0x7f010000 + first + at));
    call.send({ add: { addrs } });
  }
  const refused = 'a set of endpoints is refused, the last good one stays in use';
  const line = await proxy.untilSaid(refused);
  assert.match(line, /path=web:80 reason="18001 endpoints are more than 16384"/);
  const authority = 'web:80';
  await untilMetrics(
    admin,
    (metrics) =>
      metrics.sum('heddle_discovery_stream_failures_total', { reason: 'REFUSED' }) === 1 &&
      metrics.sum('heddle_balancer_endpoints', { authority }) === 16_001,
  );
  saysOfApi(next);
  control.say('destination', 'api:80', { remove: { addrs: [address(old)] } });
  while ((await answersOfApi()) !== String(next));
  for (let asked = 0; asked < 20; asked++) assert.equal(await answers(), String(old));
  control.script.set(`destination ${name}`, [{ add: { addrs: [endpoint(next)] } }]);
  while ((await answers()) !== String(next));
  await Promise.all([load.stop(), other.stop()]);
  assert.deepEqual([load.failures, other.failures], [[], []]);
});

test('fields that it does not know change nothing of what it knows', async (t) => {
  const { origins, says, load, answers } = await setUp(t);
  const [, next] = origins;
  const update = Buffer.from(
    toBinary(UpdateSchema, fromJson(UpdateSchema, { add: { addrs: [endpoint(next)] } })),
  );
  // Field 9999 as bytes, and 15 as a number.
  const unknown = Buffer.from('faf004036162637805', 'hex');
  says(Buffer.concat([unknown, update, unknown]));
  while ((await answers()) !== String(next));
  await load.stop();
  assert.deepEqual(load.failures, []);
});

test('a control plane that flips costs no request, and its last word counts', async (t) => {
  const { proxy, origins, says, load, answers } = await setUp(t);
  for (let flip = 0; flip < 2_000; flip++) {
    says({ add: { addrs: origins.slice(0, 1 + (flip % 2)).map((port) => endpoint(port)) } });
    if (flip % 2 === 1) says({ remove: { addrs: [address(origins[1])] } });
    await sleep(1);
  }
  says({ remove: { addrs: [address(origins[1])] } });
  says({ add: { addrs: [endpoint(origins[1])] } });
  says({ remove: { addrs: [address(origins[0])] } });
  for (let same = 0; same < 20; ) same = (await answers()) === String(origins[1]) ? same + 1 : 0;
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.doesNotMatch(proxy.said, /is refused/);
});

test('names that are none are refused, and disturb nobody', async (t) => {
  const { control, outbound, load } = await setUp(t);
  const never = ['a b', '%00', 'web:0', 'web:99999', 'x'.repeat(300), '[::1'];
  for (const host of [...never, 'a..b', '-', '.']) {
    control.script.set(`outbound ${host}:80`, status.INVALID_ARGUMENT);
    const { status: code } = await ask(outbound, '/', { headers: { host } });
    assert.ok(code >= 400 && code < 500, `${host}: ${code}`);
  }
  const odd = control.asked.filter((asked) => never.some((host) => asked.includes(` ${host}`)));
  assert.deepEqual(odd, [], 'nobody is asked for what cannot be one');
  await load.stop();
  assert.deepEqual(load.failures, []);
});

/** A proxy that knows `web` with the first of two origins, and load. */
async function setUp(t: TestContext) {
  const origins = [await startOrigin(t), await startOrigin(t)];
  const control = await new FakeControl().start();
  t.after(() => control.stop());
  control.service(name, []);
  const says = (message: JsonValue | Buffer): void => control.say('destination', name, message);
  says({ add: { addrs: [endpoint(origins[0])] } });
  const settings = {
    control: `127.0.0.1:${control.port}`,
    stateDir: 'off',
    workers: 1,
    ...proxySettings,
  };
  const proxy = await startProxy(t, JSON.stringify({ proxy: settings }));
  const outbound = proxy.port('Outbound interface');
  const admin = proxy.port('Admin interface');
  const answers = async (): Promise<string> =>
    (await ask(outbound, '/', { headers: { host: 'web' } })).body;
  assert.equal(await answers(), String(origins[0]));
  const watched = (holds: (row: WatchRow) => boolean) => untilWatch(t, admin, holds);
  const load = startLoad(t, outbound, 'web', 4, 2);
  return { proxy, control, origins, outbound, admin, answers, says, watched, load };
}

function startOrigin(t: TestContext): Promise<number> {
  return startHttpOrigin(
    t,
    (incoming, outgoing) => {
      incoming.resume();
      outgoing.end(String(incoming.socket.localPort));
    },
    '0.0.0.0',
  );
}

/** Resolves with the watch of the set when it is so. */
async function untilWatch(
  t: TestContext,
  admin: number,
  holds: (row: WatchRow) => boolean,
): Promise<WatchRow> {
  for (;;) {
    const { body } = await ask(admin, '/watches');
    const { watches } = JSON.parse(body) as { readonly watches: readonly WatchRow[] };
    const row = watches.find(({ api }) => api === 'destination');
    if (row !== undefined && holds(row)) return row;
    assert.ok(!t.signal.aborted, body);
  }
}

interface WatchRow {
  readonly api: string;
  readonly phase: string;
  readonly error: string | null;
}

function endpoint(port: number, at = 0x7f000001): { [name: string]: JsonValue } {
  return { addr: address(port, at), weight: 10_000 };
}

function address(port: number, at = 0x7f000001): { [name: string]: JsonValue } {
  return { ip: { ipv4: at }, port };
}

/** -1 as an int32 would be written: 32 bits and their sign, where an uint32 is expected. */
function negativePort(): Buffer {
  const minus = Buffer.from('10ffffffffffffffffff01', 'hex');
  const tcp = Buffer.concat([Buffer.from('0a050d0100007f', 'hex'), minus]);
  return nested([0x0a, 0x0a, 0x0a], tcp);
}

/** The bytes as a field of a message, which is a field of another, and so on. */
function nested(tags: readonly number[], bytes: Buffer): Buffer {
  return tags.reduce((inner, tag) => Buffer.concat([Buffer.of(tag, inner.length), inner]), bytes);
}

const name = 'web:80';
const proxySettings = {
  outbound: '127.0.0.1:0',
  admin: '127.0.0.1:0',
  announceMs: 0,
};
