/** Goal: a set follows its stream of changes, by the rules of the API. Method: messages in turn. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Update, WeightedAddr } from '../../api/gen/proxy/destination.ts';
import { endpointsMax } from '../base/limits.ts';
import { EndpointUpdates } from './endpoint-updates.ts';

function addressOf(port: number) {
  return { ip: { ip: { kind: 'ipv4', value: 0x0a000001 } as const }, port };
}

function endpoint(port: number, more: Partial<WeightedAddr> = {}): WeightedAddr {
  return {
    addr: addressOf(port),
    weight: 10_000,
    metricLabels: new Map(),
    tlsIdentity: null,
    protocolHint: null,
    authorityOverride: null,
    http2: null,
    resourceRef: null,
    ...more,
  };
}

function add(...addrs: readonly WeightedAddr[]): Update {
  return { update: { kind: 'add', value: { addrs, metricLabels: new Map() } } };
}

function remove(...ports: readonly number[]): Update {
  return { update: { kind: 'remove', value: { addrs: ports.map(addressOf) } } };
}

function none(exists: boolean): Update {
  return { update: { kind: 'noEndpoints', value: { exists } } };
}

function portsOf(set: EndpointUpdates): string {
  return set.endpoints === null ? 'unknown' : set.endpoints.map(({ port }) => port).join();
}

test('adds and removes, and says when nothing has changed', () => {
  const set = new EndpointUpdates();
  assert.deepEqual([set.apply(remove(1)), portsOf(set)], ['same', 'unknown']);
  assert.deepEqual([set.apply(add(endpoint(1))), portsOf(set)], ['changed', '1']);
  assert.deepEqual([set.apply(add(endpoint(2))), portsOf(set)], ['changed', '1,2']);
  const before = set.endpoints;
  assert.equal(set.apply(add(endpoint(1), endpoint(2))), 'same');
  assert.equal(set.apply(remove(7)), 'same');
  assert.equal(set.apply({ update: null }), 'same');
  assert.equal(set.endpoints, before);
  assert.deepEqual(
    [set.apply(add(endpoint(1, { weight: 20_000 }))), portsOf(set)],
    ['changed', '1,2'],
  );
  assert.equal(set.endpoints?.[0].weight, 2);
  assert.deepEqual([set.apply(remove(1, 2)), portsOf(set)], ['changed', '']);
});

test('the first add of a stream takes the place of all; removes before it are ignored', () => {
  const set = new EndpointUpdates();
  set.apply(add(endpoint(1), endpoint(2)));
  const [one] = set.endpoints ?? [];
  set.beginStream();
  assert.deepEqual([set.apply(remove(1)), portsOf(set)], ['same', '1,2']);
  assert.deepEqual([set.apply(add(endpoint(3), endpoint(1))), portsOf(set)], ['changed', '3,1']);
  assert.equal(set.endpoints?.[1], one);
  set.beginStream();
  assert.equal(set.apply(add(endpoint(1), endpoint(3))), 'same');
  set.beginStream();
  assert.deepEqual([set.apply(add()), portsOf(set)], ['changed', '']);
});

test('there is no set, or an empty one', () => {
  const set = new EndpointUpdates();
  assert.deepEqual([set.apply(none(true)), portsOf(set), set.gone], ['changed', '', false]);
  assert.deepEqual([set.apply(none(false)), set.gone], ['changed', true]);
  assert.equal(set.apply(none(false)), 'same');
  assert.deepEqual([set.apply(add(endpoint(1))), portsOf(set), set.gone], ['changed', '1', false]);
});

test('a message that is wrong changes nothing at all', () => {
  const set = new EndpointUpdates();
  set.apply(add(endpoint(1)));
  const wrong: readonly Update[] = [
    add(endpoint(2), endpoint(0)),
    add(endpoint(2), endpoint(65_536)),
    add(endpoint(2), endpoint(3), endpoint(2)),
    add(endpoint(2), endpoint(3, { addr: null })),
    add(endpoint(2), endpoint(3, { addr: { ip: null, port: 3 } })),
    add(endpoint(2), endpoint(3, { addr: { ip: { ip: null }, port: 3 } })),
    remove(1, 0),
  ];
  for (const message of wrong) {
    assert.equal(typeof set.apply(message), 'object');
    assert.equal(portsOf(set), '1');
  }
});

test('no set is larger than the bound, however it is told', () => {
  const set = new EndpointUpdates();
  const many = Array.from({ length: endpointsMax + 1 }, (_, at) =>
    endpoint(80, { addr: { ip: { ip: { kind: 'ipv4', value: at } }, port: 80 } }),
  );
  assert.equal(typeof set.apply(add(...many)), 'object');
  assert.equal(set.apply(add(...many.slice(1))), 'changed');
  assert.equal(typeof set.apply(add(many[0])), 'object');
  assert.equal(set.apply(add(many[1])), 'same');
  assert.equal(set.endpoints?.length, endpointsMax);
});

test('what is said of an endpoint beside its address', () => {
  const set = new EndpointUpdates();
  set.apply({
    update: {
      kind: 'add',
      value: {
        metricLabels: new Map([
          ['namespace', 'demo'],
          ['service', 'web'],
        ]),
        addrs: [
          endpoint(1, {
            weight: 0,
            metricLabels: new Map([
              ['zone', 'a'],
              ['pod', 'web-1'],
            ]),
            tlsIdentity: {
              strategy: { kind: 'dnsLikeIdentity', value: { name: 'web.demo.id' } },
              serverName: null,
            },
            protocolHint: {
              protocol: { kind: 'h2', value: {} },
              opaqueTransport: { inboundPort: 4143 },
            },
            authorityOverride: { authorityOverride: 'other' },
          }),
          endpoint(2, {
            addr: { ip: { ip: { kind: 'ipv6', value: { first: 1n << 48n, last: 1n } } }, port: 2 },
            metricLabels: new Map([['zone', 'b']]),
          }),
        ],
      },
    },
  });
  assert.deepEqual([set.namespace, set.service], ['demo', 'web']);
  const [first, second] = JSON.parse(JSON.stringify(set.endpoints));
  assert.deepEqual(first, {
    host: '10.0.0.1',
    port: 1,
    weight: 1,
    zone: 'a',
    traits: {
      identity: 'web.demo.id',
      serverName: 'web.demo.id',
      protocolHint: 'h2',
      opaqueTransportPort: 4143,
      authorityOverride: 'other',
      http2: null,
      labels: { pod: 'web-1' },
    },
  });
  assert.deepEqual(second, { host: '1::1', port: 2, weight: 1, zone: 'b' });
});
