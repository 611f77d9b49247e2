/** Goal: a proxy is shown while it has streams, with all that any of them says. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProxyTable } from './proxy-table.ts';

test('one entry for a connection, with what its streams say, until the last has ended', () => {
  const table = new ProxyTable();
  const peer = '127.0.0.1:1';
  const first = table.opened(peer, { workload: 'a', admin: '127.0.0.1:4191' });
  const second = table.opened(peer, { workload: '', version: '1.0.0' });
  const other = table.opened('127.0.0.1:2', { workload: 'b', version: 'x'.repeat(513) });
  const said = { identity: 'x', bundle: 'b1', issuer: 'i1' };
  table.confirmed(peer, said);
  table.confirmed('127.0.0.1:3', said);
  const nothing = { identity: '', bundle: '', issuer: '' };
  assert.deepEqual(table.list(), [
    { workload: 'a', peer, admin: '127.0.0.1:4191', version: '1.0.0', streams: 2, ...said },
    { workload: 'b', peer: '127.0.0.1:2', admin: '', version: '', streams: 1, ...nothing },
  ]);
  first();
  other();
  assert.deepEqual(
    table.list().map(({ streams }) => streams),
    [1],
  );
  second();
  assert.deepEqual(table.list(), []);
});
