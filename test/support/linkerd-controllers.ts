/**
 * Linkerd's three controllers, scripted: each is a process of its own there, has its own name and
 * port, and answers its own API alone.
 */

import { writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ProxySettings } from '../../api/settings.ts';
import type { GrpcServer } from '../../core/grpc/server.ts';
import { TlsContexts } from '../../core/tls/contexts.ts';
import { identityOf, makeLeaf } from './certificates.ts';
import { securityOf } from './certify-rig.ts';
import { cleanUp } from './cleanup.ts';
import { FakeControl } from './fake-control.ts';
import { FakeIssuer } from './fake-issuer.ts';
import { GrpcRig } from './grpc-rig.ts';
import { makeFolder } from './process.ts';

interface LinkerdControllers {
  readonly destination: FakeControl;
  readonly policy: FakeControl;
  readonly identity: FakeControl;
  readonly issuer: FakeIssuer;
  /** As Linkerd's environment has them. */
  readonly settings: Partial<ProxySettings>;
}

/** An address of this machine that is not of its loopback. */
export const otherHost = Object.values(networkInterfaces())
  .flat()
  .find((one) => one !== undefined && one.family === 'IPv4' && !one.internal)?.address;

export function linkerdName(serviceAccount: string, namespace = 'linkerd'): string {
  return `${serviceAccount}.${namespace}.serviceaccount.identity.linkerd.cluster.local`;
}

/** On the loopback they take plaintext, elsewhere TLS alone. */
export async function startLinkerdControllers(
  t: TestContext,
  host: string,
): Promise<LinkerdControllers> {
  const rig = new GrpcRig();
  const issuer = new FakeIssuer();
  // Linkerd's answer has no such thing.
  issuer.bundle = [];
  const start = async (
    name: string,
    apis: readonly ('destination' | 'profile' | 'outbound' | 'inbound')[],
    attach: (server: GrpcServer) => void = () => undefined,
  ): Promise<FakeControl> => {
    const contexts = new TlsContexts();
    const chain = [makeLeaf(issuer.issuer, linkerdName(name)), issuer.issuer];
    contexts.replace(identityOf(linkerdName(name), chain, [issuer.root], 1));
    const security = host === '127.0.0.1' ? {} : { security: securityOf(contexts) };
    const control = await new FakeControl().startOwn(rig.env, attach, { host, apis, ...security });
    cleanUp(t, () => control.stop());
    return control;
  };
  const destination = await start('linkerd-destination', ['destination', 'profile']);
  const policy = await start('linkerd-policy', ['outbound', 'inbound']);
  const identity = await start('linkerd-identity', [], (server) => issuer.attachCertify(server));
  cleanUp(t, () => rig[Symbol.asyncDispose]());
  const folder = makeFolder(t);
  writeFileSync(join(folder, 'token'), 'a token of Kubernetes');
  writeFileSync(join(folder, 'anchors'), issuer.root.pem);
  const settings = {
    control: `${host}:${destination.port}`,
    controlServerName: linkerdName('linkerd-destination'),
    controlPolicy: `${host}:${policy.port}`,
    controlPolicyServerName: linkerdName('linkerd-policy'),
    controlIdentity: `${host}:${identity.port}`,
    controlIdentityServerName: linkerdName('linkerd-identity'),
    identity: linkerdName('web', 'demo'),
    identityToken: join(folder, 'token'),
    identityTrustAnchors: join(folder, 'anchors'),
    workload: '{"ns":"demo","pod":"web-1"}',
    destinationContext: '{"ns":"demo","nodeName":"node-1","pod":"web-1"}',
  };
  return { destination, policy, identity, issuer, settings };
}
