/** The inbound proxy of `web` for tests: with a certificate, before an origin of the test's. */

import { makeMesh, meshName } from './certificates.ts';
import { type Harness, startHarness } from './proxy-harness.ts';
import { type Origin, startOrigin, type Wire } from './wire.ts';

export const mesh = makeMesh();
export const serverName = meshName('web');

interface InboundMesh {
  readonly origin: Origin;
  readonly harness: Harness;
  close(): Promise<void>;
}

/** `serve` answers at the origin, or the test does by hand. */
export async function startInboundMesh(serve?: (wire: Wire) => void): Promise<InboundMesh> {
  const origin = await startOrigin(serve);
  const harness = await startHarness(
    { 'inbound:': { endpoints: [{ port: origin.port }] } },
    { identity: serverName, inboundTo: { host: '127.0.0.1', port: origin.port } },
  );
  harness.send({ kind: 'identity', identity: mesh.identity(serverName, 1) });
  return {
    origin,
    harness,
    async close() {
      await harness.close();
      await origin.close();
    },
  };
}
