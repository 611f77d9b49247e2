/**
 * Goal: values are as strict and as lenient as Linkerd's. Method: tables of texts for each kind.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addresses,
  controller,
  count,
  duration,
  fraction,
  identityName,
  isLocalController,
  type Kind,
  listeners,
  networks,
  portSet,
  suffixes,
} from './kinds.ts';

function check<T>(kind: Kind<T>, rows: readonly (readonly [text: string, value: T | null])[]) {
  for (const [text, value] of rows) assert.deepEqual(kind.parse(text), value, text);
}

test('times have a unit, but for 0', () => {
  check(duration, [
    ['0', 0],
    [' 0 ', 0],
    ['0s', 0],
    ['10ms', 10],
    ['\t2s ', 2_000],
    ['3m', 180_000],
    ['1h', 3_600_000],
    ['2d', 172_800_000],
    ['10', null],
    ['', null],
    ['1.5s', null],
    ['1 s', null],
    ['-1s', null],
    ['1S', null],
    ['1us', null],
    ['1s1ms', null],
    ['999999999999999d', null],
    [`${'9'.repeat(400)}s`, null],
  ]);
});

test('numbers are whole, or fractions', () => {
  check(count, [
    ['0', 0],
    ['+7', 7],
    ['1e3', null],
    ['0x10', null],
    [' 1', null],
    ['9'.repeat(16), null],
  ]);
  check(fraction, [
    ['0.1', 0.1],
    ['.5', 0.5],
    ['1e-1', 0.1],
    ['100', 100],
    ['101', null],
    ['-0.1', null],
    ['NaN', null],
    ['inf', null],
    ['', null],
  ]);
});

test('lists pass empty entries by', () => {
  check(portSet, [
    ['', []],
    [',', []],
    [
      '1,2-3 , 65535',
      [
        [1, 1],
        [2, 3],
        [65_535, 65_535],
      ],
    ],
    ['1 - 2', [[1, 2]]],
    ['2-1', null],
    ['65536', null],
    ['-1', null],
    ['1-', null],
    ['http', null],
  ]);
  check(networks, [
    ['', []],
    ['10.0.0.0/8,,FD00::/8', ['10.0.0.0/8', 'fd00::/8']],
    ['0.0.0.0/0', ['0.0.0.0/0']],
    ['10.0.0.0/08', ['10.0.0.0/8']],
    ['10.0.0.0/33', null],
    ['::/129', null],
    ['10.0.0.0', null],
    ['10.0.0.0/', null],
    ['10.0.0.0/8/8', null],
    ['10.0.0/8', null],
  ]);
  check(suffixes, [
    ['', []],
    ['.', ['.']],
    ['A.b, c.', ['a.b.', 'c.']],
    ['.a', null],
    ['a b', null],
  ]);
});

test('addresses are written out', () => {
  check(addresses, [
    ['10.0.0.1', ['10.0.0.1']],
    ['::0001,10.0.0.1', ['::1', '10.0.0.1']],
    ['', null],
    ['10.0.0.1,', null],
    [' 10.0.0.1', null],
  ]);
  check(listeners, [
    [
      '0.0.0.0:1, [::]:2',
      [
        { host: '0.0.0.0', port: 1 },
        { host: '::', port: 2 },
      ],
    ],
    ['', null],
    ['localhost:1', null],
    ['0.0.0.0:65536', null],
  ]);
  check(controller, [
    ['a.b.:1', 'a.b.:1'],
    ['[::1]:1', '[::1]:1'],
    ['::1:1', null],
    ['a', null],
    ['a:0', null],
  ]);
});

test('which controllers are on this machine', () => {
  for (const [address, isLocal] of [
    ['127.0.0.1:1', true],
    ['127.1.2.3:1', true],
    ['[::1]:1', true],
    ['localhost.:1', true],
    ['localhost:1', false],
    ['127.0.0.1.example:1', false],
    ['[::ffff:127.0.0.1]:1', false],
  ] as const) {
    assert.equal(isLocalController(address), isLocal, address);
  }
});

test('names can be asked for in a handshake', () => {
  check(identityName, [
    ['web.demo', 'web.demo'],
    ['', null],
    ['a.', null],
    ['*.a', null],
    ['10.0.0.1', null],
    ['spiffe://a/b', null],
    ['A.b', null],
  ]);
});
