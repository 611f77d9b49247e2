/**
 * The environment of a Linkerd proxy, as a sidecar is given it, as settings of ours. One table has
 * every variable: it is what reads them, and what docs/CONFIG.md lists.
 */

import { type Machine, type Patch, Reading } from './linkerd-environment/reading.ts';
import type { VariableRow } from './linkerd-environment/row.ts';
import { controlRows } from './linkerd-environment/rows-control.ts';
import { processRows, tracingRows } from './linkerd-environment/rows-process.ts';
import { trafficRows } from './linkerd-environment/rows-traffic.ts';

export interface LinkerdEnvironment {
  readonly settings: Patch;
  /** Sentences, each with the name of its variable; with one of them the proxy does not start. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  /** What concerns the log itself, for stderr. */
  readonly notes: readonly string[];
}

export function readLinkerdEnvironment(machine: Machine): LinkerdEnvironment {
  const reading = new Reading(machine);
  reading.take('', sidecarSettings);
  for (const row of environmentRows) row.read(reading);
  reading.warnOfTypos(new Set(environmentRows.map(({ name }) => name)));
  const { problems, warnings, notes } = reading;
  const { identityRefreshMinMs: minMs = 0, identityRefreshMaxMs: maxMs = 0 } = reading.settings;
  if (minMs > maxMs) reading.take('IDENTITY_MAX_REFRESH', { identityRefreshMaxMs: minMs });
  return { settings: reading.settings, problems, warnings, notes };
}

/** The order is that of reading: later ones look at what earlier ones have set. */
export const environmentRows: readonly VariableRow[] = [
  ...processRows,
  ...trafficRows,
  ...controlRows,
  ...tracingRows,
];

/** What no variable says: all traffic was redirected, and goes on to where it was going. */
const sidecarSettings: Patch = {
  originalDestination: 'redirect',
  inboundTo: null,
  passthrough: 'allow',
  // Whoever ends the pod has taken it out of service before.
  announceMs: 0,
  profileNetworks: [],
};
