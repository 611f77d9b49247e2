/** A data plane between a client and an origin that both speak HTTP/2, each with one connection. */

import type { ProxySettings } from '../../api/settings.ts';
import { get, response } from './h2-block.ts';
import { dialH2, type H2Origin, type H2Peer, type Manners, startH2Origin } from './h2-peer.ts';
import { type Harness, startHarness } from './proxy-harness.ts';

interface Through extends AsyncDisposable {
  readonly harness: Harness;
  readonly origin: H2Origin;
  readonly client: H2Peer;
  /** The origin's end of the proxy's connection to it. */
  readonly server: H2Peer;
}

interface ThroughOptions {
  readonly client?: Manners;
  readonly server?: Manners;
  readonly settings?: Partial<ProxySettings>;
}

/** Both connections have carried one request. */
export async function startThrough(options: ThroughOptions = {}): Promise<Through> {
  const origin = await startH2Origin(undefined, options.server);
  const targets = { 'host:web': { endpoints: [{ port: origin.port }] } };
  const harness = await startHarness(targets, options.settings);
  const client = await dialH2(harness.outboundPort, options.client);
  const first = client.request(get());
  const server = await origin.accept();
  server.respond(await server.nextRequest(), response(204));
  await client.ending(first);
  return {
    harness,
    origin,
    client,
    server,
    async [Symbol.asyncDispose]() {
      client.destroy();
      await harness.close();
      await origin.close();
    },
  };
}
