/** The outbound proxy of a mesh for tests, with a certificate, and endpoints with identities. */

import type { ProxySettings } from '../../api/settings.ts';
import type { EndpointTraits } from '../../api/snapshot.ts';
import { makeMesh, meshName } from './certificates.ts';
import { type Harness, startHarness, untilQuiet } from './proxy-harness.ts';
import { dial, type Wire } from './wire.ts';

/** One for all tests of a file: keys take time. */
export const mesh = makeMesh();
export const webName = meshName('web');
export const clientName = meshName('client');

export interface MeshHarness extends AsyncDisposable {
  readonly harness: Harness;
  /** A client of the outbound listener. */
  dial(): Promise<Wire>;
  /** Sends a request and returns its response, on a connection of its own. */
  ask(text: string): Promise<string>;
}

export async function startMeshHarness(
  targets: Parameters<typeof startHarness>[0],
  overrides: Partial<ProxySettings> = {},
  certified = true,
): Promise<MeshHarness> {
  const harness = await startHarness(targets, { identity: clientName, ...overrides });
  const wires: Wire[] = [];
  if (certified) harness.send({ kind: 'identity', identity: mesh.identity(clientName, 1) });
  const dialClient = async (): Promise<Wire> => {
    const wire = await dial(harness.outboundPort);
    wires.push(wire);
    return wire;
  };
  return {
    harness,
    dial: dialClient,
    async ask(text) {
      const wire = await dialClient();
      wire.write(text);
      return wire.readResponse();
    },
    async [Symbol.asyncDispose]() {
      for (const wire of wires) wire.destroy();
      harness.passTime(70_000);
      await untilQuiet(harness);
      await harness.close();
    },
  };
}

export function traitsOf(overrides: Partial<EndpointTraits> = {}): EndpointTraits {
  return {
    identity: webName,
    serverName: webName,
    protocolHint: '',
    opaqueTransportPort: 0,
    authorityOverride: '',
    http2: null,
    labels: {},
    ...overrides,
  };
}

/** What is declared where a peer with a transport header takes it. */
export function endpointOf(
  peer: { readonly port: number },
  overrides: Partial<EndpointTraits> = {},
): { port: number; traits: EndpointTraits } {
  return { port: 8080, traits: traitsOf({ opaqueTransportPort: peer.port, ...overrides }) };
}
