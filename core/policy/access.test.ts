/**
 * Goal: who comes from where with which identity is let in, or is not, as the policy says. Method:
 * tables of policies, addresses and identities.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Authorization } from '../../api/access.ts';
import { Access, isAudit } from './access.ts';

const everywhere = ['0.0.0.0/0', '::/0'];

function authorization(
  name: string,
  networks: readonly string[],
  more: Partial<Authorization> = {},
): Authorization {
  return {
    name: { group: '', kind: 'default', name },
    networks: networks.map((net) => ({ net, except: [] })),
    proof: 'none',
    identities: [],
    suffixes: [],
    ...more,
  };
}

function accessOf(authorizations: readonly Authorization[], own: readonly Authorization[] = []) {
  return new Access({
    server: { group: '', kind: 'default', name: 'server' },
    authorizations,
    route: { name: { group: '', kind: 'default', name: 'default' }, authorizations: own },
    exceptions: [],
  });
}

const suffixed = (...suffixes: string[]): Partial<Authorization> => ({
  proof: 'identity',
  suffixes,
});
const listed = (...identities: string[]): Partial<Authorization> => ({
  proof: 'identity',
  identities,
});
const cluster = ['10.0.0.0/8', 'fd00::/8'];
const exceptTen = {
  networks: [{ net: '10.0.0.0/8', except: ['10.1.0.0/16'] }],
};
const spiffe = 'spiffe://td.test/ns/a';
const none: string | null = null;

const policies: Record<string, readonly Authorization[]> = {
  open: [authorization('open', everywhere)],
  deny: [],
  authenticated: [authorization('id', everywhere, suffixed(''))],
  mesh: [authorization('mesh', everywhere, { proof: 'mesh' })],
  cluster: [authorization('cluster', cluster)],
  'cluster, authenticated': [authorization('cluster', cluster, suffixed(''))],
  listed: [authorization('listed', everywhere, listed('web.demo', spiffe))],
  suffix: [authorization('suffix', everywhere, suffixed('.demo.test'))],
  exceptions: [authorization('except', [], exceptTen)],
  'one of two': [
    authorization('first', ['10.0.0.0/8'], listed('a')),
    authorization('second', ['192.0.2.0/24']),
  ],
  'IPv4 alone': [authorization('v4', ['0.0.0.0/0'])],
  'no network': [authorization('nowhere', ['nonsense'])],
};

/** Policy, address, identity, and who lets in: '' for nobody. */
const rows: readonly (readonly [string, string, string | null, string])[] = [
  ['open', '10.1.2.3', none, 'open'],
  ['open', '2001:db8::1', 'web.demo', 'open'],
  ['open', 'unreadable', none, 'open'],
  ['deny', '10.1.2.3', 'web.demo', ''],
  ['deny', '127.0.0.1', none, 'localhost'],
  ['deny', '::1', none, 'localhost'],
  ['deny', '127.0.0.2', none, ''],
  ['authenticated', '10.1.2.3', none, ''],
  ['authenticated', '10.1.2.3', '', ''],
  ['authenticated', '10.1.2.3', 'web.demo', 'id'],
  ['authenticated', 'fd00::1', 'web.demo', 'id'],
  ['authenticated', '10.1.2.3', spiffe, ''],
  ['mesh', '10.1.2.3', none, ''],
  ['mesh', '10.1.2.3', '', 'mesh'],
  ['mesh', '10.1.2.3', spiffe, 'mesh'],
  ['cluster', '10.1.2.3', none, 'cluster'],
  ['cluster', 'fdff::1', none, 'cluster'],
  ['cluster', '192.0.2.1', 'web.demo', ''],
  ['cluster', 'unreadable', none, ''],
  ['cluster, authenticated', '10.1.2.3', 'web.demo', 'cluster'],
  ['cluster, authenticated', '10.1.2.3', none, ''],
  ['cluster, authenticated', '192.0.2.1', 'web.demo', ''],
  ['listed', '10.1.2.3', 'web.demo', 'listed'],
  ['listed', '10.1.2.3', spiffe, 'listed'],
  ['listed', '10.1.2.3', 'web.demo2', ''],
  ['listed', '10.1.2.3', 'WEB.demo', ''],
  ['suffix', '10.1.2.3', 'web.demo.test', 'suffix'],
  ['suffix', '10.1.2.3', 'demo.test', ''],
  ['suffix', '10.1.2.3', 'webdemo.test', ''],
  ['suffix', '10.1.2.3', 'spiffe://web.demo.test', ''],
  ['exceptions', '10.2.0.1', none, 'except'],
  ['exceptions', '10.1.0.1', none, ''],
  ['one of two', '10.0.0.1', 'a', 'first'],
  ['one of two', '192.0.2.9', 'a', 'second'],
  ['one of two', '10.0.0.1', 'b', ''],
  ['IPv4 alone', '10.0.0.1', none, 'v4'],
  ['IPv4 alone', 'fd00::1', none, ''],
  ['no network', '10.0.0.1', none, ''],
];

describe('who is let in', () => {
  for (const [policy, host, identity, expected] of rows) {
    const who = identity === null ? 'in plaintext' : `as '${identity}'`;
    test(`${policy}: ${host} ${who} by '${expected}'`, () => {
      const access = accessOf(policies[policy]);
      const found = access.judge({ host, identity });
      assert.equal(found?.name ?? '', expected);
      assert.deepEqual(access.route.judge({ host, identity }), found);
    });
  }
});

test('the authorizations of a route come before the others, and count for HTTP alone', () => {
  const access = accessOf(policies.listed, [authorization('own', cluster)]);
  const client = { host: '10.0.0.1', identity: 'web.demo' };
  assert.equal(access.route.judge(client)?.name, 'own');
  assert.equal(access.route.judge({ ...client, host: '192.0.2.1' })?.name, 'listed');
  assert.equal(access.judge(client)?.name, 'listed');
  assert.equal(access.judge({ host: '10.0.0.1', identity: null }), null);
});

test('an audit is the default of that name alone', () => {
  const audit = { group: '', kind: 'default', name: 'audit' };
  assert.equal(isAudit(audit), true);
  assert.equal(isAudit({ ...audit, kind: 'authorizationpolicy' }), false);
  assert.equal(isAudit({ ...audit, group: 'policy.linkerd.io' }), false);
  assert.equal(isAudit({ ...audit, name: 'deny' }), false);
});
