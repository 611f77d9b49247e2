/**
 * Goal: the admin port of a pod lets in whom its policy names, a kubelet's probes and the pod
 * itself. Method: requests as they come from its connections, and policies that come one by one.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Discovery, ResolvedTarget } from '../api/discovery.ts';
import type { ProxySettings } from '../api/settings.ts';
import { defaultConfig } from '../control/model/default-settings.ts';
import { systemClock } from '../core/base/clock.ts';
import { assembleInbound } from '../core/discover/assemble.ts';
import { defaultServer } from '../core/discover/default-policy.ts';
import { Logger } from '../core/telemetry/log.ts';
import { AdminAccess } from './admin-access.ts';

const admin = { host: '0.0.0.0', port: 4191 };
type Name = ProxySettings['inboundDefaultPolicy'];

function policyOf(name: Name): ResolvedTarget {
  const settings = { ...defaultConfig.settings, inboundDefaultPolicy: name, adminPort: 0 };
  return assembleInbound(defaultServer(admin.port, settings), admin);
}

/** `told`: the policies that a control plane sends. */
function open(name: Name) {
  const said: string[] = [];
  let tell: (target: ResolvedTarget) => void = () => assert.fail('nobody watches');
  const discovery: Discovery = {
    watch(key, onChange) {
      assert.equal(key, 'inbound:0.0.0.0:4191');
      tell = onChange;
      return () => undefined;
    },
    status: () => ({ kind: 'none', location: '', confirmedWallMs: null, error: null }),
    close: () => undefined,
  };
  const settings = {
    ...defaultConfig.settings,
    inboundDefaultPolicy: name,
    inboundIps: ['10.0.0.9'],
    clusterNetworks: ['10.0.0.0/8'],
  };
  const log = new Logger(({ message }) => said.push(message), systemClock, 'info');
  const access = new AdminAccess(discovery, settings, admin, log);
  const ask = (path: string, host: string, identity: string | null = null): number => {
    const rest = { query: null, field: () => '', body: '' };
    const request = { method: 'GET', path, remoteHost: host, identity, ...rest };
    return access.refuse(request)?.status ?? 200;
  };
  return { ask, said, tell: (target: ResolvedTarget) => tell(target) };
}

test('the default policy holds from the start, and probes pass it', () => {
  const rows: readonly (readonly [Name, string, string | null, number])[] = [
    ['all-unauthenticated', '192.0.2.1', null, 200],
    ['audit', '192.0.2.1', null, 200],
    ['deny', '10.0.0.1', 'prometheus', 403],
    ['all-authenticated', '10.0.0.1', null, 403],
    ['all-authenticated', '10.0.0.1', '', 403],
    ['all-authenticated', '192.0.2.1', 'prometheus', 200],
    ['cluster-unauthenticated', '10.0.0.1', null, 200],
    ['cluster-unauthenticated', '192.0.2.1', null, 403],
    ['cluster-authenticated', '10.0.0.1', 'prometheus', 200],
    ['cluster-authenticated', '192.0.2.1', 'prometheus', 403],
  ];
  for (const [name, host, identity, status] of rows) {
    const { ask } = open(name);
    assert.equal(ask('/metrics', host, identity), status, `${name} ${host} ${identity}`);
    for (const path of ['/live', '/ready']) assert.equal(ask(path, host), 200, name);
    for (const own of ['127.0.0.1', '::1', '10.0.0.9']) assert.equal(ask('/config', own), 200);
  }
});

test('what the control plane says holds instead, also that nobody may come', () => {
  const { ask, said, tell } = open('all-unauthenticated');
  tell(policyOf('all-authenticated'));
  assert.equal(ask('/metrics', '10.0.0.1'), 403);
  assert.equal(ask('/metrics', '10.0.0.1', 'prometheus'), 200);
  assert.deepEqual(said, ['Request denied']);
  tell({ ...policyOf('all-unauthenticated'), refusal: 'a rate limit', access: null });
  assert.equal(ask('/live', '10.0.0.1'), 403);
  assert.equal(ask('/live', '127.0.0.1'), 200);
});
