/**
 * Goal: each default policy says whom it lets in. Method: what the data path would be told and make
 * of it.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Access, type Client } from '../policy/access.ts';
import { assembleInbound } from './assemble.ts';
import { type DefaultPolicySettings, defaultServer } from './default-policy.ts';

const to = { host: '10.0.0.1', port: 80 };
const usual: DefaultPolicySettings = {
  inboundDefaultPolicy: 'all-unauthenticated',
  inboundOpaquePorts: [],
  clusterNetworks: ['10.0.0.0/8', 'fd00::/8', 'nonsense'],
  adminPort: 4191,
};

function serverOf(name: DefaultPolicySettings['inboundDefaultPolicy'], changes: object = {}) {
  return defaultServer(80, { ...usual, inboundDefaultPolicy: name, ...changes });
}

/** From the cluster in plaintext, by TLS without and with an identity; the same from outside. */
const clients: readonly Client[] = ['10.1.2.3', '192.0.2.1'].flatMap((host) =>
  [null, '', 'web.demo'].map((identity) => ({ host, identity })),
);

const opens = (expected: readonly boolean[]): boolean => !expected.includes(false);

test('each lets in whom its name says', () => {
  const [yes, no] = [true, false];
  const rows = [
    ['all-unauthenticated', [yes, yes, yes, yes, yes, yes]],
    ['audit', [yes, yes, yes, yes, yes, yes]],
    ['all-authenticated', [no, no, yes, no, no, yes]],
    ['all-tls-unauthenticated', [no, yes, yes, no, yes, yes]],
    ['cluster-unauthenticated', [yes, yes, yes, no, no, no]],
    ['cluster-authenticated', [no, no, yes, no, no, no]],
    ['cluster-tls-unauthenticated', [no, yes, yes, no, no, no]],
    ['deny', [no, no, no, no, no, no]],
  ] as const;
  for (const [name, expected] of rows) {
    const { refusal, access } = assembleInbound(serverOf(name), to);
    assert.ok(access);
    assert.deepEqual([refusal, access.server.name], ['', name]);
    const letsIn = (client: Client) => new Access(access).judge(client)?.name ?? '';
    assert.deepEqual(
      clients.map(letsIn),
      expected.map((isIn) => (isIn ? name : '')),
      name,
    );
    assert.equal(
      letsIn({ host: '127.0.0.1', identity: null }),
      opens(expected) ? name : 'localhost',
    );
  }
});

test('they say what a client has to prove, and from where it may come', () => {
  const permits = [
    ['all-unauthenticated', 'unauthenticated', null],
    ['all-tls-unauthenticated', 'meshTLS', 'unauthenticated'],
    ['cluster-authenticated', 'meshTLS', 'identities'],
  ] as const;
  for (const [name, permit, clients] of permits) {
    const [{ authentication, networks }] = serverOf(name).authorizations;
    const said = authentication?.permit ?? null;
    assert.equal(said?.kind, permit);
    if (said?.kind === 'meshTLS') assert.equal(said.value.clients?.kind, clients);
    const lengths = networks.map(({ net }) => net?.prefixLen);
    assert.deepEqual(lengths, name.startsWith('cluster-') ? [8, 8] : [0, 0]);
  }
  assert.deepEqual(serverOf('deny').authorizations, []);
});

test('ports can be opaque', () => {
  const inboundOpaquePorts = [
    [25, 25],
    [79, 81],
  ] as const;
  const server = serverOf('all-unauthenticated', { inboundOpaquePorts });
  assert.equal(assembleInbound(server, to).protocol, 'opaque');
  assert.equal(assembleInbound(defaultServer(82, usual), to).protocol, 'auto');
});
