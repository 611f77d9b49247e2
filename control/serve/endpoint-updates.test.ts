/**
 * Goal: the messages about a set make of any set the next one, with what Linkerd's proxies expect
 * in them. Method: frames are read as a proxy would, and applied in their order.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResolvedEndpoint } from '../../api/discovery.ts';
import type { Update } from '../../api/gen/control/destination_pb.ts';
import { grpcMessageBytesMax, serviceEndpointsMax } from '../../core/base/limits.ts';
import { seededRandom } from '../../core/base/random.ts';
import { changesBetween, endpointSet, wholeSet } from './endpoint-updates.ts';
import { destinationGet } from './methods.ts';
import { addressOf } from './net.ts';

function endpoint(port: number, weight = 1, zone = '', host = '127.0.0.1'): ResolvedEndpoint {
  return { host, port, weight, zone };
}

function setOf(...endpoints: readonly ResolvedEndpoint[]) {
  return endpointSet('demo', 'web', endpoints);
}

function readFrames(frames: readonly Buffer[]): Update[] {
  const bytes = Buffer.concat(frames);
  const updates: Update[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    const update = destinationGet.response.decode(bytes.subarray(at + 5, end));
    assert.ok(update !== null);
    updates.push(update);
    at = end;
  }
  return updates;
}

/** What each message does, as `+host:port weight zone` and `-host:port`. */
function describe(frames: readonly Buffer[]): string[] {
  return readFrames(frames).map(({ update }) => {
    if (update.case === 'add') {
      const parts = update.value.addrs.map(({ addr, weight, metricLabels }) => {
        const { zone = '' } = metricLabels;
        return `+${format(addr)} ${weight} ${zone}`.trimEnd();
      });
      return parts.join(', ');
    }
    assert.equal(update.case, 'remove');
    return update.value.addrs.map((addr) => `-${format(addr)}`).join(', ');
  });
}

function format(addr: Parameters<typeof addressOf>[0]): string {
  const address = addressOf(addr);
  return `${address?.host}:${address?.port}`;
}

test('the whole set is one Add with labels, also when it is empty', () => {
  const frames = wholeSet(setOf(endpoint(1), endpoint(2, 2.5, 'eu-1a')));
  assert.deepEqual(describe(frames), ['+127.0.0.1:1 10000, +127.0.0.1:2 25000 eu-1a']);
  const [{ update }] = readFrames(frames);
  assert.ok(update.case === 'add');
  assert.deepEqual({ ...update.value.metricLabels }, { namespace: 'demo', service: 'web' });
  assert.deepEqual({ ...update.value.addrs[0].metricLabels }, {});
  const [empty] = readFrames(wholeSet(setOf()));
  assert.ok(empty.update.case === 'add' && empty.update.value.addrs.length === 0);
});

test('a change is an Add of what is new or different, then a Remove', () => {
  const before = setOf(endpoint(1), endpoint(2), endpoint(3, 1, 'a'), endpoint(4));
  const after = setOf(endpoint(5), endpoint(4), endpoint(3, 1, 'b'), endpoint(2, 3));
  const frames = changesBetween(before, after);
  assert.equal(frames.length, 1);
  assert.deepEqual(describe(frames), [
    '+127.0.0.1:5 10000, +127.0.0.1:3 10000 b, +127.0.0.1:2 30000',
    '-127.0.0.1:1',
  ]);
  assert.deepEqual(describe(changesBetween(before, setOf())), [
    '-127.0.0.1:1, -127.0.0.1:2, -127.0.0.1:3, -127.0.0.1:4',
  ]);
});

test('the same set in another order is no change', () => {
  const before = setOf(endpoint(1), endpoint(2, 2, 'a', '::1'));
  const after = setOf(endpoint(2, 2, 'a', '::1'), endpoint(1));
  assert.deepEqual(changesBetween(before, after), []);
});

test('another identity, or another port of its proxy, is a change', () => {
  const meshed = (identity: string, opaqueTransportPort: number): ResolvedEndpoint => {
    const hint = { protocolHint: 'opaque' as const, authorityOverride: '', http2: null };
    const traits = { identity, serverName: identity, opaqueTransportPort, labels: {}, ...hint };
    return { ...endpoint(1), traits };
  };
  const sets = [setOf(endpoint(1)), setOf(meshed('a.b', 4143)), setOf(meshed('a.b', 4144))];
  for (const before of sets) {
    for (const after of sets) {
      const told = describe(changesBetween(before, after));
      assert.deepEqual(told, before === after ? [] : ['+127.0.0.1:1 10000']);
    }
    // The same again, as a source that was read anew has it.
    const [one] = before.endpoints.values();
    assert.deepEqual(changesBetween(before, setOf(structuredClone(one))), []);
  }
});

test('the smallest weight is not none', () => {
  assert.deepEqual(describe(wholeSet(setOf(endpoint(1, 0.000_01)))), ['+127.0.0.1:1 1']);
});

test('the largest set comes in messages that every client takes', () => {
  const zone = 'z'.repeat(253);
  const endpoints = Array.from({ length: serviceEndpointsMax }, (_, index) =>
    endpoint(1 + (index % 60_000), 1, zone, `10.0.${index >> 15}.1`),
  );
  const frames = wholeSet(setOf(...endpoints));
  for (const frame of frames) assert.ok(frame.length <= grpcMessageBytesMax);
  let count = 0;
  for (const { update } of readFrames(frames)) {
    assert.ok(update.case === 'add');
    count += update.value.addrs.length;
  }
  assert.equal(count, new Set(endpoints.map(({ host, port }) => `${host} ${port}`)).size);
});

test('any set leads to any other', () => {
  const random = seededRandom(7);
  let before = setOf();
  const known = new Map<string, string>();
  for (let step = 0; step < 500; step++) {
    const size = random.uint32() % 8;
    const endpoints = new Map(
      Array.from({ length: size }, () => 1 + (random.uint32() % 10)).map((port) => [port, port]),
    );
    const after = setOf(
      ...[...endpoints.keys()].map((port) =>
        endpoint(port, 1 + (random.uint32() % 2), ['', 'a'][random.uint32() % 2]),
      ),
    );
    for (const line of describe(changesBetween(before, after)).join(', ').split(', ')) {
      const [key, ...rest] = line.slice(1).split(' ');
      if (line.startsWith('+')) known.set(key, rest.join(' '));
      else if (line.startsWith('-')) assert.ok(known.delete(key), 'what goes was there');
    }
    const expected = [...after.endpoints.values()].map(({ host, port, weight, zone }) => [
      `${host}:${port}`,
      `${weight * 10_000} ${zone}`.trimEnd(),
    ]);
    assert.deepEqual(Object.fromEntries(known), Object.fromEntries(expected));
    before = after;
  }
});
