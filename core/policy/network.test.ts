/**
 * Goal: a network has exactly its addresses, whatever they are. Method: drawn networks and
 * addresses near their edges, beside Node's own list of subnets; texts that are no network.
 */

import assert from 'node:assert/strict';
import { BlockList, isIP } from 'node:net';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CompiledNetwork, parseIp } from './network.ts';

const family = (host: string) => (isIP(host) === 4 ? 'ipv4' : 'ipv6');

/** As Node would judge it. */
function expected(host: string, net: string, except: readonly string[]): boolean {
  const isIn = (text: string): boolean => {
    const [base, length] = text.split('/');
    if (family(base) !== family(host)) return false;
    const list = new BlockList();
    list.addSubnet(base, Number(length), family(base));
    return list.check(host, family(host));
  };
  return isIn(net) && !except.some(isIn);
}

function networkOf(host: fc.Arbitrary<string>, lengthMax: number): fc.Arbitrary<string> {
  return fc
    .tuple(host, fc.integer({ min: 0, max: lengthMax }))
    .map(([base, length]) => `${base}/${length}`);
}

/** Few values for each part, so that addresses often share long beginnings. */
const byte = fc.constantFrom(0, 1, 127, 128, 255);
const v4 = fc.tuple(byte, byte, byte, byte).map((bytes) => bytes.join('.'));
const group = fc.constantFrom('0', '1', '7fff', '8000', 'ffff');
const v6 = fc.oneof(
  fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => groups.join(':')),
  fc.tuple(group, group).map(([first, last]) => `${first}::${last}`),
  fc.constantFrom('::', '::1', 'fe80::', '1::'),
  v4.map((tail) => `64:ff9b::${tail}`),
);
const host = fc.oneof(v4, v6);
const network = fc.oneof(networkOf(v4, 32), networkOf(v6, 128));

test('it has the addresses that Node says it has', () => {
  fc.assert(
    fc.property(host, network, fc.array(network, { maxLength: 3 }), (one, net, except) => {
      const compiled = CompiledNetwork.compile({ net, except });
      const ip = parseIp(one);
      assert.ok(compiled !== null && ip !== null);
      assert.equal(
        compiled.contains(ip),
        expected(one, net, except),
        `${one} ${net} ${except.join()}`,
      );
    }),
    { numRuns: 2_000 },
  );
});

test('an address belongs to its own network, and to no other of that length', () => {
  fc.assert(
    fc.property(host, host, (one, other) => {
      const bits = isIP(one) === 4 ? 32 : 128;
      const own = CompiledNetwork.compile({ net: `${one}/${bits}`, except: [] });
      const [ip, second] = [parseIp(one), parseIp(other)];
      assert.ok(own?.contains(ip ?? []));
      assert.equal(own?.contains(second ?? []), JSON.stringify(ip) === JSON.stringify(second));
    }),
  );
});

test('a zone says nothing about the address, and what is none is none', () => {
  assert.deepEqual(parseIp('fe80::1%eth0'), parseIp('fe80::1'));
  for (const text of ['', 'web', '1.2.3', '1.2.3.4.5', '::1::', '%', '::ffff:1.2.3']) {
    assert.equal(parseIp(text), null, text);
  }
});

test('a text that is no network, alone or as an exception, compiles to nothing', () => {
  const bad = ['', '10.0.0.0', '10.0.0.0/33', '::/129', '10.0.0.0/-1', 'web/8', '10.0.0.0/8/8'];
  for (const text of [...bad, '10.0.0.0/ 8', 'fe80::%eth0/64', '10.0.0.0/']) {
    assert.equal(CompiledNetwork.compile({ net: text, except: [] }), null, text);
    assert.equal(CompiledNetwork.compile({ net: '::/0', except: [text] }), null, text);
  }
});

test('one that has every address of a family says so', () => {
  const rows = [
    ['0.0.0.0/0', [], 1],
    ['::/0', [], 4],
    ['10.0.0.0/8', [], 0],
    ['::/0', ['::1/128'], 0],
  ] as const;
  for (const [net, except, words] of rows) {
    assert.equal(CompiledNetwork.compile({ net, except })?.wholeFamily, words);
  }
});
