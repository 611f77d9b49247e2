/** Goal: an address is the same after both ways. Method: known numbers and spellings. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { TcpAddressSchema } from '../../api/gen/control/net_pb.ts';
import { addressOf, tcpAddress } from './net.ts';

test('IPv4 is one number in network order', () => {
  const message = tcpAddress({ host: '10.0.1.255', port: 8080 });
  assert.deepEqual(message.ip?.ip, { case: 'ipv4', value: 0x0a0001ff });
  assert.equal(message.port, 8080);
  const high = tcpAddress({ host: '255.255.255.254', port: 1 });
  assert.deepEqual(high.ip?.ip, { case: 'ipv4', value: 0xfffffffe });
});

test('IPv6 is two numbers', () => {
  const { ip } = tcpAddress({ host: '2001:db8::1:0:2', port: 80 });
  assert.equal(ip?.ip.case, 'ipv6');
  assert.equal(ip.ip.value.first, 0x20010db800000000n);
  assert.equal(ip.ip.value.last, 0x0000000100000002n);
});

test('both ways give the same address', () => {
  const hosts = [
    '127.0.0.1',
    '0.0.0.0',
    '::',
    '::1',
    'fe80::',
    '2001:db8:1:2:3:4:5:6',
    '::ffff:a00:1',
  ];
  for (const host of hosts) {
    assert.deepEqual(addressOf(tcpAddress({ host, port: 65_535 })), { host, port: 65_535 });
  }
});

test('what is no address is null', () => {
  assert.equal(addressOf(undefined), null);
  assert.equal(addressOf(create(TcpAddressSchema, { port: 80 })), null);
  assert.equal(addressOf(create(TcpAddressSchema, { ip: {}, port: 80 })), null);
  const far = create(TcpAddressSchema, { ip: { ip: { case: 'ipv4', value: 1 } }, port: 65_536 });
  assert.equal(addressOf(far), null);
});
