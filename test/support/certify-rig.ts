/**
 * A control plane that a test scripts, which certifies as a test wants, and proxies that it is for.
 * On an address that is not of the loopback it takes TLS alone.
 */

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { GrpcServer, ServerSecurity } from '../../core/grpc/server.ts';
import { TlsContexts } from '../../core/tls/contexts.ts';
import { type Certificate, identityOf, makeLeaf, meshName } from './certificates.ts';
import { cleanUp } from './cleanup.ts';
import { FakeControl } from './fake-control.ts';
import { FakeIssuer } from './fake-issuer.ts';
import { GrpcRig } from './grpc-rig.ts';
import { ask, makeFolder, type ProxyProcess, startProxy } from './process.ts';

interface CertifyRig {
  readonly folder: string;
  readonly issuer: FakeIssuer;
  readonly stopControl: () => void;
  /** The token pins this root from now on. */
  readonly pin: (digest: string) => void;
  /** The control plane's own certificate is of this issuer from now on. */
  readonly serveWith: (issuer: FakeIssuer) => void;
  readonly start: (settings?: object) => Promise<ProxyProcess>;
}

/** What `/identity` shows. */
interface ShownIdentity {
  readonly name: string;
  readonly state: string;
  readonly issuer: string;
  readonly bundle: string;
}

export async function startCertifyRig(t: TestContext, host = '127.0.0.1'): Promise<CertifyRig> {
  const rig = new GrpcRig();
  const issuer = new FakeIssuer();
  const attach = (server: GrpcServer): void => issuer.attach(server);
  const contexts = new TlsContexts();
  let generation = 0;
  const serveWith = ({ root, issuer: signer }: FakeIssuer): void => {
    generation += 1;
    const name = meshName('heddle-control', 'heddle');
    // Its chain ends with the root, for those who have the pin alone.
    const chain = [makeLeaf(signer, name), signer, root];
    contexts.replace(identityOf(name, chain, [root], generation));
  };
  serveWith(issuer);
  const options = host === '127.0.0.1' ? {} : { host, security: securityOf(contexts) };
  const control = await new FakeControl().startOwn(rig.env, attach, options);
  cleanUp(t, async () => {
    control.stop();
    await rig[Symbol.asyncDispose]();
  });
  const folder = makeFolder(t);
  const tokenFile = join(folder, 'token');
  const pin = (digest: string): void => {
    writeFileSync(tokenFile, tokenOf({ td: 'mesh.local', pin: [digest] }));
  };
  pin(fingerprintOf(issuer.root));
  const common = {
    control: `${host}:${control.port}`,
    stateDir: join(folder, 'state'),
    identity: 'web.demo',
    identityToken: tokenFile,
    outbound: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    workers: 2,
  };
  return {
    folder,
    issuer,
    stopControl: () => control.stop(),
    pin,
    serveWith,
    start: (settings = {}) =>
      startProxy(t, JSON.stringify({ proxy: { ...common, ...settings } }), {
        folder: makeFolder(t),
      }),
  };
}

/** Of a controller that takes TLS alone, and nothing but certification without a certificate. */
export function securityOf(contexts: TlsContexts): ServerSecurity {
  return {
    contexts,
    allowsPlaintext: () => false,
    onRefused: () => undefined,
    openMethods: new Set(['/io.linkerd.proxy.identity.Identity/Certify']),
  };
}

export async function showIdentity(proxy: ProxyProcess): Promise<ShownIdentity> {
  const { body } = await ask(proxy.port('Admin interface'), '/identity');
  return JSON.parse(body) as ShownIdentity;
}

/** Resolves with what it shows then. */
export async function untilReady(t: TestContext, proxy: ProxyProcess): Promise<ShownIdentity> {
  for (;;) {
    const { status, body } = await ask(proxy.port('Admin interface'), '/ready');
    if (status === 200) return showIdentity(proxy);
    if (t.signal.aborted) throw new Error(body);
  }
}

export function fingerprintOf({ der }: Certificate): string {
  return createHash('sha256').update(der).digest('hex');
}

/** With a signature that nobody verifies. */
function tokenOf(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'EdDSA' })}.${part(claims)}.c2ln`;
}
