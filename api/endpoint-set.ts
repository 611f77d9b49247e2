/**
 * The version of a set of endpoints: equal sets have equal versions, whoever computes them and in
 * whatever order, so that source, control planes and proxies can be compared without a counter.
 */

import { createHash } from 'node:crypto';
import type { ResolvedEndpoint } from './discovery.ts';

/** Eight hexadecimal digits over address, weight and zone of each. */
export function endpointSetVersion(endpoints: readonly ResolvedEndpoint[]): string {
  const lines = endpoints.map(
    ({ host, port, weight, zone }) => `${host} ${port} ${weight} ${zone}`,
  );
  return createHash('sha256').update(lines.toSorted().join('\n')).digest('hex').slice(0, 8);
}
