/** Goal: addresses keep their meaning both ways. Method: pairs of the forms, and what is none. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAddress, splitAuthority, tcpAddressOf } from './address-text.ts';

test('an address is written and read', () => {
  const hosts = ['10.1.2.3', '255.255.255.255', '0.0.0.0', '::', '::1', '1::', 'fe80::1:0:2'];
  for (const host of [...hosts, '2001:db8:1:2:3:4:5:6', '::ffff:102:304']) {
    assert.deepEqual(readAddress(tcpAddressOf(host, 80)), { host, port: 80 });
  }
  assert.deepEqual(tcpAddressOf('10.0.0.1', 1)?.ip, { ip: { kind: 'ipv4', value: 0x0a000001 } });
  assert.equal(tcpAddressOf('example.com', 1), null);
});

test('what is asked for is a name or an address, and a port', () => {
  assert.deepEqual(splitAuthority('web'), { name: 'web', port: null });
  assert.deepEqual(splitAuthority('web.demo:80'), { name: 'web.demo', port: 80 });
  assert.deepEqual(splitAuthority('[::1]:80'), { name: '::1', port: 80 });
  assert.deepEqual(splitAuthority('::1'), { name: '::1', port: null });
  for (const text of ['', ':80', 'web:', 'web:0', 'web:65536', 'web:a', 'a:1:2', '[a]:1', '[::1']) {
    assert.equal(splitAuthority(text), null, text);
  }
});
