/**
 * Goal: an identity keeps its group and its series while it is used, the least recently used one
 * gives way, and beyond the bound identities stay exact while their series is shared. Method: the
 * groups of a direction that serves nothing, over real cells.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CellDefinition } from '../../api/messages.ts';
import { clientIdentitiesMax, clientNamesMax } from '../base/limits.ts';
import type { H2ServerContext } from '../http/h2/server-context.ts';
import type { ServerConnection } from '../http/server-context.ts';
import { Registry } from '../telemetry/registry.ts';
import { TlsContexts } from '../tls/contexts.ts';
import type { ClientGroup, GroupDirection } from './client-group.ts';
import { ClientGroups } from './client-groups.ts';
import type { Core } from './core.ts';

class Idle implements ServerConnection {
  closeIdle(): void {}

  closeForced(): void {}
}

function setUp() {
  const defined = new Map<number, CellDefinition>();
  const registry: Registry = new Registry(new Float64Array(64 * 1024), {
    announce: (definitions) => {
      for (const definition of definitions) defined.set(definition.cell, definition);
    },
    freed: (cells) => {
      for (const cell of cells) defined.delete(cell);
    },
    soon: () => {},
  });
  const tls = new TlsContexts();
  const open = new Set<ServerConnection>();
  const direction: GroupDirection = {
    name: 'inbound',
    core: { registry, cells: registry.cells, tls } as Core,
    serverContext: () => ({}) as H2ServerContext,
    opened: (connection) => open.add(connection),
    closed: (connection) => open.delete(connection),
  };
  const forgotten: ClientGroup[] = [];
  const groups = new ClientGroups(direction, (group) => forgotten.push(group));
  const labels = (): string[] => {
    registry.flush();
    return [...defined.values()]
      .filter(({ family }) => family === 'tcp_open_total')
      .map((one) => JSON.stringify(Object.fromEntries(one.labels)));
  };
  return { groups, forgotten, labels, tls };
}

test('a name has one group, which tells the application who it is', () => {
  const { groups, labels } = setUp();
  const group = groups.identified('web.demo');
  assert.equal(groups.identified('web.demo'), group);
  assert.equal(group.identity, group);
  assert.equal(group.line, 'l5d-client-id: web.demo\r\n');
  const nobody = groups.identified('');
  assert.deepEqual([nobody.identity, nobody.line], [nobody, '']);
  assert.equal(groups.passing('web.demo').identity, null);
  assert.deepEqual(labels(), [
    '{"direction":"inbound","peer":"src","tls":"true","client_id":"web.demo"}',
    '{"direction":"inbound","peer":"src","tls":"true","client_id":""}',
    '{"direction":"inbound","peer":"src","tls":"opaque","sni":"web.demo"}',
  ]);
});

test('the least recently used one without a connection gives way', () => {
  const { groups, forgotten, labels } = setUp();
  const first = groups.identified('a0');
  first.opened(new Idle());
  for (let at = 1; at < clientIdentitiesMax; at++) groups.identified(`a${at}`);
  groups.identified('a1');
  groups.identified('more');
  assert.deepEqual(
    forgotten.map(({ name }) => name),
    ['a2'],
  );
  assert.equal(groups.identified('a0'), first);
  assert.equal(labels().length, clientIdentitiesMax);
});

test('beyond the bound an identity is exact and its series shared', () => {
  const { groups, forgotten, labels } = setUp();
  for (let at = 0; at < clientIdentitiesMax; at++) groups.identified(`a${at}`).opened(new Idle());
  const [one, two] = [groups.identified('one'), groups.identified('two')];
  assert.deepEqual([one.name, two.name], ['one', 'two']);
  assert.equal(one.cells, two.cells);
  assert.equal(forgotten.length, 0);
  const shared = labels().filter((text) => text.includes('"client_id":"other"'));
  assert.equal(shared.length, 1);
});

test('beyond the bound they are distrusted as well, and their series stays', () => {
  const { groups, forgotten, labels, tls } = setUp();
  for (let at = 0; at < clientIdentitiesMax; at++) groups.identified(`a${at}`).opened(new Idle());
  const [connection, gone] = [new Idle(), new Idle()];
  const one = groups.identified('one');
  one.opened(connection);
  const two = groups.identified('two');
  two.opened(gone);
  two.closed(gone);
  assert.equal(groups.sweep(), Number.POSITIVE_INFINITY);
  tls.distrusts += 1;
  tls.distrustedMs = 7;
  assert.equal(groups.sweep(), 7);
  assert.deepEqual([one.distrusted, two.distrusted], [true, false]);
  one.closed(connection);
  groups.sweep();
  assert.deepEqual(forgotten, []);
  assert.ok(labels().some((text) => text.includes('"client_id":"other"')));
});

test('names of TLS that passes by take nothing from identities', () => {
  const { groups, forgotten, labels } = setUp();
  const group = groups.identified('web.demo');
  for (let at = 0; at < 3 * clientNamesMax; at++) groups.passing(`n${at}`);
  assert.equal(groups.identified('web.demo'), group);
  assert.ok(forgotten.every(({ cells }) => cells.labels.tls === 'opaque'));
  assert.equal(labels().length, clientNamesMax + 1);
});

test('after a trust anchor has left an identity is proved anew, and its series goes on', () => {
  const { groups, forgotten, labels, tls } = setUp();
  const before = groups.identified('web.demo');
  const connection = new Idle();
  before.opened(connection);
  before.accepted();
  tls.distrusts += 1;
  tls.distrustedMs = 7;
  const after = groups.identified('web.demo');
  assert.deepEqual([before.distrusted, after.distrusted], [true, false]);
  assert.equal(after.cells.openTotalCell, before.cells.openTotalCell);
  assert.equal(groups.sweep(), 7);
  before.closed(connection);
  assert.equal(groups.sweep(), Number.POSITIVE_INFINITY);
  assert.deepEqual(forgotten, [before]);
  assert.equal(labels().length, 1);
  assert.equal(after.direction.core.cells[after.cells.openTotalCell], 1);
});
