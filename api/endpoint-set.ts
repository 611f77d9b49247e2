/**
 * The version of a set of endpoints: equal sets have equal versions, whoever computes them and in
 * whatever order, so that source, control planes and proxies can be compared without a counter.
 */

import { createHash } from 'node:crypto';
import type { ResolvedEndpoint } from './discovery.ts';
import type { EndpointTraits } from './snapshot.ts';

/** Eight hexadecimal digits over address, weight, zone and identity of each. */
export function endpointSetVersion(endpoints: readonly ResolvedEndpoint[]): string {
  const lines = endpoints.map(
    ({ host, port, weight, zone, traits }) =>
      `${host} ${port} ${weight} ${zone}${describeIdentity(traits)}`,
  );
  return createHash('sha256').update(lines.toSorted().join('\n')).digest('hex').slice(0, 8);
}

/** Nothing for one without: its version is the same for whoever knows no identities. */
function describeIdentity(traits: EndpointTraits | undefined): string {
  if (traits === undefined || traits.identity === '') return '';
  return ` ${traits.identity} ${traits.opaqueTransportPort}`;
}
