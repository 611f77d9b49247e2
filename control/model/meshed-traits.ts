/** What is said of an endpoint that has a proxy in front of it. Pure. */

import type { EndpointTraits, Protocol } from '../../api/snapshot.ts';

/** `inboundPort` is where the proxy takes what comes with a transport header; 0 for nowhere. */
export function meshedTraits(
  identity: string,
  inboundPort: number,
  protocol: Protocol,
): EndpointTraits {
  return {
    identity,
    serverName: identity,
    protocolHint: protocol === 'opaque' ? 'opaque' : 'h2',
    opaqueTransportPort: inboundPort,
    authorityOverride: '',
    http2: null,
    labels: {},
  };
}
