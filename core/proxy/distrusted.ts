/** Says that a connection was ended in the middle because of a trust anchor that left long ago. */

import type { LogSpan } from '../../api/messages.ts';
import { anchorLeft } from '../pool/pool-events.ts';
import type { Core, DirectionName } from './core.ts';
import { serveTarget } from './log-spans.ts';

/** `peer`: whose connection it is, as in the metrics of TCP. */
export function recordDistrusted(
  core: Core,
  labels: {
    readonly direction: DirectionName;
    readonly peer: 'src' | 'dst';
    readonly carried: 'http' | 'opaque';
  },
  parties: Readonly<Record<string, string>>,
  spans: readonly LogSpan[],
): void {
  const cell = core.registry.counter('heddle_distrusted_connections_ended_total', labels);
  core.cells[cell] += 1;
  const fields = { error: anchorLeft, ...parties };
  core.log.info(serveTarget, 'Connection closed', fields, spans);
}
