/**
 * Goal: a list of control planes becomes addresses, SRV records first, and an error takes nothing
 * away. Method: sources under the test's control.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OpenSource, SourceConfig, SourceListener } from '../model/source.ts';
import { followAddresses } from './follow-addresses.ts';

interface Rig {
  readonly told: string[];
  /** By kind and name. */
  readonly sources: Map<string, SourceListener>;
  close(): void;
}

function follow(text: string): Rig {
  const told: string[] = [];
  const sources = new Map<string, SourceListener>();
  const open: OpenSource = (config: SourceConfig, listener) => {
    assert.ok(config.kind === 'srv' || config.kind === 'dns');
    const key = `${config.kind} ${config.name}`;
    sources.set(key, listener);
    return { close: () => sources.delete(key) };
  };
  const close = followAddresses(text, open, {
    onAddresses: (all) => told.push(all.map(({ host, port }) => `${host} ${port}`).join(', ')),
    onError: (reason) => told.push(`error ${reason}`),
  });
  return { told, sources, close };
}

function answer(rig: Rig, key: string, ...addresses: readonly (readonly [string, number])[]): void {
  rig.sources
    .get(key)
    ?.onEndpoints(addresses.map(([host, port]) => ({ host, port, weight: 1, zone: '' })));
}

test('addresses are told at once, and nothing is resolved for them', () => {
  const rig = follow('127.0.0.1:8086,[::1]:1');
  assert.deepEqual(rig.told, ['127.0.0.1 8086, ::1 1']);
  assert.equal(rig.sources.size, 0);
});

test('localhost is the loopback, with and without its final dot', () => {
  for (const name of ['localhost', 'localhost.', 'LOCALHOST.']) {
    const rig = follow(`${name}:8086`);
    assert.deepEqual(rig.told, ['127.0.0.1 8086'], name);
    assert.equal(rig.sources.size, 0);
  }
});

test('a name is its A and AAAA records, unless it has SRV records', () => {
  const rig = follow('control.demo:8086');
  assert.deepEqual(rig.told, []);
  answer(rig, 'dns control.demo', ['10.0.0.1', 8086]);
  answer(rig, 'srv control.demo', ['10.0.0.2', 99]);
  answer(rig, 'dns control.demo', ['10.0.0.3', 8086]);
  answer(rig, 'srv control.demo');
  assert.deepEqual(rig.told, ['10.0.0.1 8086', '10.0.0.2 99', '10.0.0.2 99', '10.0.0.3 8086']);
});

test('names and addresses are joined, errors are told and take nothing away', () => {
  const rig = follow('127.0.0.1:8086,control:1');
  rig.sources.get('srv control')?.onError('no such records');
  rig.sources.get('dns control')?.onError('SERVFAIL');
  answer(rig, 'dns control', ['10.0.0.1', 1]);
  assert.deepEqual(rig.told, ['127.0.0.1 8086', 'error SERVFAIL', '127.0.0.1 8086, 10.0.0.1 1']);
  rig.close();
  assert.equal(rig.sources.size, 0);
});
