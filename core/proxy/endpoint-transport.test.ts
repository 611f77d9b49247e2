/** Goal: only an identity leads to TLS, and where to is as the traits and the mode say. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { traitsOf, webName } from '../../test/support/mesh-harness.ts';
import { transportOf } from './endpoint-transport.ts';

const place = { host: '10.0.0.1', port: 80, weight: 1, slot: 0, zone: '' };
const secure = { identity: webName, serverName: webName };
const plain = {
  address: { host: '10.0.0.1', port: 80 },
  identity: '',
  serverName: '',
  header: null,
};

test('without an identity: plaintext, whatever else is said', () => {
  assert.deepEqual(transportOf(place, 'transport-header'), plain);
  const traits = traitsOf({ identity: '', opaqueTransportPort: 4143, authorityOverride: 'web:80' });
  assert.deepEqual(transportOf({ ...place, traits }, 'transport-header'), plain);
});

test('with one: where the traits and the mode say', () => {
  const own = { host: '10.0.0.1', port: 80 };
  const inbound = { host: '10.0.0.1', port: 4143 };
  const port = { opaqueTransportPort: 4143 };
  const gateway = { ...port, authorityOverride: 'web.far:81' };
  const byHeader = 'transport-header';
  const cases = [
    [{}, byHeader, own, null],
    [port, byHeader, inbound, { port: 80, name: '' }],
    [port, 'transparent', own, null],
    [gateway, byHeader, own, { port: 81, name: 'web.far' }],
    [gateway, 'transparent', own, { port: 81, name: 'web.far' }],
    [{ authorityOverride: 'web' }, byHeader, own, null],
    [{ authorityOverride: 'web:0' }, byHeader, own, null],
    [{ authorityOverride: 'web:70000' }, byHeader, own, null],
  ] as const;
  for (const [overrides, mode, address, header] of cases) {
    const endpoint = { ...place, traits: traitsOf(overrides) };
    assert.deepEqual(transportOf(endpoint, mode), { address, ...secure, header });
  }
});
