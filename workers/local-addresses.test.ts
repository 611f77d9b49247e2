/**
 * Goal: the loop guard knows every address at which this machine takes connections. Method: a
 * namespace whose only interface has no carrier, beside what Node lists there.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { whyNoHosts } from '../test/support/hosts.ts';
import { isLocalAddress } from './local-addresses.ts';

test('the addresses that Node lists are local, others are not', () => {
  for (const all of Object.values(networkInterfaces())) {
    for (const { address } of all ?? []) assert.equal(isLocalAddress(address), true, address);
  }
  for (const host of ['127.0.0.9', '0.0.0.0', '::', '::1'])
    assert.equal(isLocalAddress(host), true);
  for (const host of ['192.0.2.199', '2001:db8::199', 'localhost', '']) {
    assert.equal(isLocalAddress(host), false, host);
  }
});

test('an address is local without a carrier too', { skip: whyNoHosts() ?? false }, () => {
  const program = [
    `import { isLocalAddress } from '${resolve(import.meta.dirname, 'local-addresses.ts')}';`,
    `const hosts = ['10.99.0.1', '10.99.0.2', 'fd00:99::1', 'fd00:99::2'];`,
    `const listed = Object.keys((await import('node:os')).networkInterfaces());`,
    `console.log(listed.includes('here'), ...hosts.map(isLocalAddress));`,
  ].join('\n');
  const commands = [
    'ip link add here type veth peer name there',
    'ip addr add 10.99.0.1/24 dev here',
    'ip addr add fd00:99::1/64 dev here nodad',
    'ip link set here up',
    'exec "$0" --input-type=module-typescript --eval "$1"',
  ].join(' && ');
  const args = ['--net', 'sh', '-c', commands, process.execPath, program];
  const { stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8' });
  assert.equal(stdout, 'false true false true false\n', stderr);
});
