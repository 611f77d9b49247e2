/**
 * Goal: each default policy says whom it lets in, and what has no effect yet refuses everybody.
 * Method: what the data path would be told.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assembleInbound } from './assemble.ts';
import { type DefaultPolicySettings, defaultServer } from './default-policy.ts';

const to = { host: '10.0.0.1', port: 80 };
const usual: DefaultPolicySettings = {
  inboundDefaultPolicy: 'all-unauthenticated',
  inboundOpaquePorts: [],
  clusterNetworks: ['10.0.0.0/8', 'fd00::/8', 'nonsense'],
};

function serverOf(name: DefaultPolicySettings['inboundDefaultPolicy'], changes: object = {}) {
  return defaultServer(80, { ...usual, inboundDefaultPolicy: name, ...changes });
}

test('those that let in everyone open, the others refuse', () => {
  const rows = [
    ['all-unauthenticated', true],
    ['audit', true],
    ['all-authenticated', false],
    ['all-tls-unauthenticated', false],
    ['cluster-unauthenticated', false],
    ['cluster-authenticated', false],
    ['cluster-tls-unauthenticated', false],
    ['deny', false],
  ] as const;
  for (const [name, opens] of rows) {
    const server = serverOf(name);
    assert.equal(assembleInbound(server, to).refusal === '', opens, name);
    assert.equal(server.labels.get('name'), name);
  }
  const clusterNetworks = ['0.0.0.0/0', '::/0'];
  const open = serverOf('cluster-unauthenticated', { clusterNetworks });
  assert.equal(assembleInbound(open, to).refusal, '');
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
