/** Goal: each edge once, with the truth about it. Method: metrics text and exact rows. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Edge, type EdgeSource, shortIdentity, summarizeEdges } from './edge-rows.ts';
import { parseExposition } from './exposition.ts';

const suffix = 'serviceaccount.identity.heddle.mesh.local';
const webId = `web.demo.${suffix}`;
const usersId = `users.demo.${suffix}`;

function source(name: string, identity: string, ...lines: readonly string[]): EdgeSource {
  return { name, namespace: 'demo', identity, samples: parseExposition(lines.join('\n')) };
}

function outbound(service: string, tls: string, open: number, total = 9): string {
  const labels = `direction="outbound",peer="dst",dst_namespace="demo",dst_service="${service}"`;
  const series = (family: string): string => `${family}{${labels},${tls}}`;
  return `${series('tcp_open_connections')} ${open}\n${series('tcp_open_total')} ${total}`;
}

function inbound(tls: string, open: number): string {
  return `tcp_open_connections{direction="inbound",peer="src",${tls}} ${open}`;
}

/** `web.demo -> users.demo reason connections` */
function describe(edges: readonly Edge[]): string[] {
  return edges.map((edge) => {
    const ids = [edge.clientId, edge.serverId].map((id) => shortIdentity(id) || '-').join('/');
    const pair = `${edge.source}.${edge.sourceNamespace} -> ${edge.target}.${edge.targetNamespace}`;
    return `${pair} ${ids} ${edge.noTlsReason || 'secured'} ${edge.connections}`;
  });
}

const toUsers = `tls="true",server_id="${usersId}"`;
const plain = 'tls="no_identity",no_tls_reason="not_provided_by_service_discovery"';

test('replicas are one edge, which callers tell of', () => {
  const edges = summarizeEdges([
    source('web', webId, outbound('users', toUsers, 2)),
    source('web', webId, outbound('users', toUsers, 3)),
    source('users', usersId, inbound(`tls="true",client_id="${webId}"`, 5)),
  ]);
  assert.deepEqual(describe(edges), ['web.demo -> users.demo web.demo/users.demo secured 5']);
  assert.deepEqual([edges[0].clientId, edges[0].serverId], [webId, usersId]);
});

test('what is open counts, and what was where nothing is', () => {
  const edges = summarizeEdges([
    source('web', webId, outbound('users', toUsers, 1), outbound('users', plain, 0)),
    source('web', webId, outbound('echo', plain, 0)),
    source('web', webId, outbound('never', plain, 0, 0)),
  ]);
  assert.deepEqual(describe(edges), [
    'web.demo -> echo.demo -/- not_provided_by_service_discovery 0',
    'web.demo -> users.demo web.demo/users.demo secured 1',
  ]);
});

test('who came, got no answer and left has no edge', () => {
  const seen = (tls: string, written: number): string => {
    const labels = `{direction="inbound",peer="src",${tls}}`;
    return `tcp_open_total${labels} 3\ntcp_write_bytes_total${labels} ${written}`;
  };
  const stranger = 'tls="no_identity",no_tls_reason="no_tls_from_remote"';
  assert.deepEqual(summarizeEdges([source('users', usersId, seen(stranger, 0))]), []);
  const answered = summarizeEdges([source('users', usersId, seen(stranger, 1))]);
  assert.deepEqual(describe(answered), ['-. -> users.demo -/- no_tls_from_remote 0']);
});

test('callers that cannot be asked are told of by those whom they call', () => {
  const foreign = `tls="true",client_id="emoji.far.${suffix}"`;
  const edges = summarizeEdges([
    source('users', usersId, inbound(foreign, 1), inbound(plain, 2)),
    source('web', webId, outbound('users', toUsers, 1)),
  ]);
  assert.deepEqual(describe(edges), [
    '-. -> users.demo -/- not_provided_by_service_discovery 2',
    'web.demo -> users.demo web.demo/users.demo secured 1',
    'emoji.far -> users.demo emoji.far/users.demo secured 1',
  ]);
  // What a caller has told of in plaintext is the same as what came in without a name.
  const told = source('web', webId, outbound('users', plain, 2));
  const both = summarizeEdges([told, source('users', usersId, inbound(plain, 2))]);
  assert.deepEqual(describe(both), [
    'web.demo -> users.demo -/- not_provided_by_service_discovery 2',
  ]);
});

test('connections of the application beside its own proxy are no edges', () => {
  const own = 'tls="no_identity",no_tls_reason="loopback"';
  const edges = summarizeEdges([
    source(
      'web',
      webId,
      `tcp_open_connections{direction="outbound",peer="src",${own}} 3`,
      `tcp_open_connections{direction="inbound",peer="dst",${own}} 3`,
    ),
  ]);
  assert.deepEqual(edges, []);
});

test('identities are short as Linkerd has them', () => {
  assert.equal(shortIdentity(webId), 'web.demo');
  assert.equal(shortIdentity('spiffe://mesh.local/ns/demo/sa/web'), 'web.demo');
  assert.equal(shortIdentity('db.internal'), 'db.internal');
  assert.equal(shortIdentity(''), '');
});
