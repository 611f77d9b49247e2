/**
 * Goal: whoever shows a certificate is who it proves, or is refused, in both roles; and nobody else
 * notices. Method: a table of certificates that are wrong in one way each, shown by Node's TLS and
 * judged by ours, with a bystander who asks between them.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it, test } from 'node:test';
import { createServer } from 'node:tls';
import { type ZooRow, zoo, zooName, zooRoot } from '../../test/support/certificate-zoo.ts';
import { identityOf, makeLeaf, meshName } from '../../test/support/certificates.ts';
import { type Outcome, TlsRig } from '../../test/support/tls-rig.ts';
import { TlsContexts } from './contexts.ts';

const own = meshName('judge');
const ownLeaf = makeLeaf(zooRoot, own);

/** Who we are, and whom a row has us trust. */
function judge(row: ZooRow): TlsRig['contexts'] {
  const contexts = new TlsContexts();
  contexts.replace(identityOf(own, [ownLeaf], row.roots ?? [zooRoot]));
  return contexts;
}

/** Node itself shows what is weak only when it is told to. */
function shown(row: ZooRow): { key: string; cert: string; ciphers: string } {
  return {
    ciphers: 'DEFAULT@SECLEVEL=0',
    key: row.chain[0].key,
    cert: row.chain.map(({ pem }) => pem).join(''),
  };
}

function expectOutcome(
  outcome: Outcome,
  name: string | undefined,
  refused: string | undefined,
): void {
  if (refused === undefined) {
    assert.equal(outcome.failure, '');
    assert.equal(outcome.peer?.name, name);
    return;
  }
  assert.equal(outcome.peer, null);
  assert.ok(outcome.failure.includes(refused) && outcome.failure !== '', outcome.failure);
  assert.equal(outcome.socket?.destroyed, true);
}

describe('a client that shows', () => {
  for (const row of zoo) {
    it(row.what, async () => {
      const identity = identityOf(own, [ownLeaf], row.roots ?? [zooRoot]);
      await using rig = await TlsRig.start({ identity });
      const bystander = await rig.connect({ rejectUnauthorized: false });
      const there = await rig.outcome();
      await rig.connect({ ...shown(row), rejectUnauthorized: false });
      const outcome = await (await rig.outcome(1)).settled();
      expectOutcome(outcome, row.name, row.refused ?? row.asClient);
      bystander.socket.write('still here');
      await there.untilText('still here');
    });
  }
});

describe('a server that shows', () => {
  for (const row of zoo) {
    it(row.what, async () => {
      const server = createServer({ ...shown(row), minVersion: 'TLSv1.3' });
      server.on('tlsClientError', () => {});
      server.on('secureConnection', (socket) => socket.on('error', () => {}));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      await using rig = await TlsRig.start();
      const { port } = server.address() as AddressInfo;
      const dialled = rig.dial(port, { contexts: judge(row), serverName: zooName });
      const outcome = await dialled.settled();
      expectOutcome(outcome, row.name, row.refused ?? row.asServer);
      outcome.socket?.destroy();
      server.close();
      await once(server, 'close');
    });
  }
});

test('the zoo has at least 40, and each has one expectation', () => {
  assert.ok(zoo.length >= 40);
  assert.equal(new Set(zoo.map(({ what }) => what)).size, zoo.length);
  for (const { what, name, refused } of zoo) {
    assert.ok((name === undefined) !== (refused === undefined), what);
  }
});
