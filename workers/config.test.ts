/** Goal: flags, variables and the file combine as documented. Method: tables over one file. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProxySettings } from '../api/settings.ts';
import { type Overrides, resolveSettings, restartSettings } from './config.ts';

const address = { host: '127.0.0.1', port: 0 };
const file = {
  control: '',
  stateDir: '',
  workload: '',
  identity: '',
  outbound: address,
  outboundSecond: null,
  inbound: null,
  inboundTo: null,
  originalDestination: 'off',
  allowRemote: false,
  workers: 1,
  announceMs: 5_000,
  graceMs: 30_000,
  logLevel: 'info',
} as Partial<ProxySettings> as ProxySettings;

function resolve(overrides: Overrides, environment: Record<string, string> = {}): Overrides {
  const resolved = resolveSettings(file, overrides, environment);
  assert.ok('settings' in resolved, JSON.stringify(resolved));
  return resolved.settings;
}

function problemsOf(overrides: Overrides, environment: Record<string, string> = {}): string {
  const resolved = resolveSettings(file, overrides, environment);
  assert.ok('problems' in resolved);
  return resolved.problems.join('\n');
}

test('a flag outweighs a variable, a variable outweighs the file', () => {
  assert.equal(resolve({}).workers, 1);
  assert.equal(resolve({}, { HEDDLE_WORKERS: '2' }).workers, 2);
  assert.equal(resolve({ workers: 0 }, { HEDDLE_WORKERS: 'auto' }).workers, 0);
  assert.equal(resolve({}, { HEDDLE_LOG_LEVEL: 'debug' }).logLevel, 'debug');
});

test('inbound listens where it is said by a flag alone where its traffic goes', () => {
  assert.equal(resolve({}).inbound, null);
  const to = { host: '127.0.0.1', port: 8080 };
  assert.deepEqual(resolve({ inboundTo: to }).inbound, { host: '0.0.0.0', port: 4143 });
  assert.deepEqual(resolve({ inboundTo: to, inbound: address }).inbound, address);
  assert.equal(resolve({ inboundTo: to, inbound: null }).inbound, null);
  const given = resolveSettings({ ...file, inbound: address }, { inboundTo: to }, {});
  assert.deepEqual('settings' in given && given.settings.inbound, address);
});

test('the state of a control plane is kept where the system wants state', () => {
  const control = { control: 'a:1', stateDir: '', workload: '{"ns":"demo","pod":"web-1"}' };
  const home = { HOME: '/h' };
  assert.equal(resolve(control, home).stateDir, '/h/.local/state/heddle/web-1');
  assert.equal(resolve(control, { ...home, XDG_STATE_HOME: '/s' }).stateDir, '/s/heddle/web-1');
  assert.equal(resolve(control, { XDG_STATE_HOME: 'relative' }).stateDir, 'off');
  assert.equal(resolve({ ...control, stateDir: 'off' }, home).stateDir, 'off');
  assert.equal(resolve({ ...control, control: '' }, home).stateDir, '');
});

test('wrong variables are named with what is expected', () => {
  assert.match(problemsOf({}, { HEDDLE_WORKERS: '-1' }), /HEDDLE_WORKERS: expected auto/);
  assert.match(problemsOf({}, { HEDDLE_LOG_LEVEL: 'loud' }), /HEDDLE_LOG_LEVEL: .*"loud"/);
});

test('flags cannot break the rules of the file', () => {
  assert.match(problemsOf({ inbound: address }), /^inbound: .*--inbound-to/);
  assert.match(problemsOf({ outbound: { host: '0.0.0.0', port: 1 } }), /^outbound: .*allowRemote/);
  assert.match(problemsOf({ identity: 'web.demo' }), /^identity: only a control plane .*--control/);
  const control = '127.0.0.1:8086';
  assert.match(problemsOf({ identity: 'web', control }), /^identity: web is neither a service acc/);
  assert.match(problemsOf({ identity: 'Web.demo', control }), /in lower case$/);
  const refresh = { identityRefreshMinMs: 2_000, identityRefreshMaxMs: 1_000 };
  assert.match(problemsOf(refresh), /^identityRefreshMinMs: 2000 is more than .*Max.*1000/);
  assert.match(problemsOf({ graceMs: 10 }), /^announce: 5000 ms is part of the grace time/);
  const open: Overrides = { outbound: { host: '0.0.0.0', port: 1 }, allowRemote: true };
  assert.deepEqual(resolve(open).outbound, { host: '0.0.0.0', port: 1 });
});

test('inbound needs no local target where connections tell where they were going', () => {
  const redirected: Overrides = { inbound: address, originalDestination: 'redirect' };
  assert.equal(resolve(redirected).inboundTo, null);
});

test('settings that wait for a restart are named', () => {
  assert.deepEqual(restartSettings(file, { ...file, workers: 2, graceMs: 1 }), [
    'workers',
    'graceMs',
  ]);
  assert.deepEqual(restartSettings(file, { ...file }), []);
});
