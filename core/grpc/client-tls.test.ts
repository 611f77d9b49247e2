/**
 * Goal: with TLS a call goes to nobody but the server that is meant, and says why it does not.
 * Method: our client and server on real sockets, with certificates of right and wrong meshes.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import tls from 'node:tls';
import {
  identityOf,
  type Certificate as Made,
  makeIssuer,
  makeLeaf,
  makeMesh,
  makeRoot,
  meshName,
} from '../../test/support/certificates.ts';
import { GrpcRig, Recorded, unaryMethod } from '../../test/support/grpc-rig.ts';
import { TlsContexts } from '../tls/contexts.ts';
import { findPinned } from '../tls/peer-chain.ts';
import { okStatus } from './status.ts';

const root = makeRoot();
const issuer = makeIssuer(root);
const control = meshName('heddle-control', 'heddle');
const web = meshName('web');

function contextsOf(chain: readonly Made[], roots: readonly Made[], name = web): TlsContexts {
  const contexts = new TlsContexts();
  if (chain.length > 0) contexts.replace(identityOf(name, chain, roots));
  else contexts.replace({ ...makeMesh().identity(name), key: '', chain: '', roots: pemOf(roots) });
  return contexts;
}

function pemOf(roots: readonly Made[]): string {
  return roots.map(({ pem }) => pem).join('');
}

/** A server that answers, and takes TLS alone. */
async function serve(rig: GrpcRig, name = control): Promise<number> {
  const { server, port } = await rig.server({
    security: {
      contexts: contextsOf([makeLeaf(issuer, name), issuer, root], [root], name),
      allowsPlaintext: () => false,
      openMethods: new Set(['/test.Text/Up']),
      onRefused: () => undefined,
    },
  });
  server.handle(unaryMethod, (call) => {
    call.onMessage = (message) => {
      call.send(`re: ${message}`);
      call.end(okStatus);
    };
  });
  return port;
}

async function ask(rig: GrpcRig, port: number, contexts: TlsContexts, name: string | null) {
  const client = rig.client(port, { security: { contexts, serverName: () => name } });
  const recorded = new Recorded(client, unaryMethod);
  recorded.call.send('a');
  recorded.call.end();
  return (await recorded.ended()).join('; ');
}

describe('a client with TLS', () => {
  it('proves itself, or calls as somebody without a name', async () => {
    await using rig = new GrpcRig();
    const port = await serve(rig);
    const own = contextsOf([makeLeaf(issuer, web), issuer], [root]);
    assert.match(await ask(rig, port, own, control), /message re: a; end OK/);
    const anonymous = contextsOf([], [root]);
    const refused = /end UNAUTHENTICATED .* needs a certificate of the mesh/;
    assert.match(await ask(rig, port, anonymous, control), refused);
  });

  it('ends its calls where the server is somebody else', async () => {
    await using rig = new GrpcRig();
    const port = await serve(rig);
    const own = contextsOf([makeLeaf(issuer, web), issuer], [root]);
    const mismatch = new RegExp(`end UNAVAILABLE \\S+ TLS: it is ${control}, not ${web}`);
    assert.match(await ask(rig, port, own, web), mismatch);
    const other = contextsOf([], [makeRoot()]);
    assert.match(await ask(rig, port, other, control), /TLS: its certificate is not good/);
  });

  it('sends nothing while nobody is to be trusted', async () => {
    await using rig = new GrpcRig();
    const port = await serve(rig);
    const none = /TLS: there is no trust anchor to verify it by yet/;
    assert.match(await ask(rig, port, new TlsContexts(), control), none);
    assert.match(await ask(rig, port, contextsOf([], [root]), null), none);
  });

  it('ends its calls where there is no TLS', async () => {
    await using rig = new GrpcRig();
    const { port } = await rig.server();
    assert.match(await ask(rig, port, contextsOf([], [root]), control), /end UNAVAILABLE .*TLS: /);
  });

  it('can be closed in the middle of the handshake', async () => {
    await using rig = new GrpcRig();
    const accepted = Promise.withResolvers<void>();
    const port = await rig.listen((socket) => {
      rig.onDispose(() => void socket.destroy());
      accepted.resolve();
    });
    const contexts = contextsOf([], [root]);
    const client = rig.client(port, { security: { contexts, serverName: () => control } });
    const recorded = new Recorded(client, unaryMethod);
    await accepted.promise;
    client.close();
    assert.match((await recorded.ended()).join(), /end CANCELLED/);
  });
});

describe('a pinned trust anchor', () => {
  const digest = ({ der }: Made) => createHash('sha256').update(der).digest('hex');

  it('is found in the chain of a server', async () => {
    await using rig = new GrpcRig();
    const at = { host: '127.0.0.1', port: await serve(rig) };
    const found = await findPinned(rig.env, at, control, new Set([digest(root)]));
    assert.ok(Buffer.isBuffer(found));
    assert.ok(found.equals(root.der));
    const other = await findPinned(rig.env, at, control, new Set([digest(makeRoot())]));
    assert.equal(other, 'none of its certificates is one that the token pins');
  });

  it('is not found where there is no TLS, or nobody', async () => {
    await using rig = new GrpcRig();
    const { port } = await rig.server();
    const pins = new Set([digest(root)]);
    assert.equal(
      typeof (await findPinned(rig.env, { host: '127.0.0.1', port }, web, pins)),
      'string',
    );
    const closed = await findPinned(rig.env, { host: '127.0.0.1', port: 1 }, web, pins);
    assert.equal(closed, 'ECONNREFUSED');
  });

  it('is not found, and nothing else happens, where OpenSSL refuses to begin', async () => {
    await using rig = new GrpcRig();
    const at = { host: '127.0.0.1', port: await serve(rig) };
    const { DEFAULT_CIPHERS: ciphers } = tls;
    tls.DEFAULT_CIPHERS = 'no such cipher';
    try {
      const found = await findPinned(rig.env, at, control, new Set([digest(root)]));
      assert.match(String(found), /^no handshake can begin: .*no cipher match/);
    } finally {
      tls.DEFAULT_CIPHERS = ciphers;
    }
  });
});
