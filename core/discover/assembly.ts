/** What the watches of one target have come to; for both directions. */

import type { ResolvedTarget } from '../../api/discovery.ts';
import type { KnownSet } from './assemble.ts';
import type { StreamView } from './watch-stream.ts';

/**
 * `pending`: nothing new is known, and what was known stays. `unknown`: the control plane says that
 * there is no such thing. `unanswerable`: it cannot be asked this.
 */
export type Verdict =
  /** `gone` is told on the stream of the endpoints, `unknown` is how a question is answered. */
  | { readonly kind: 'pending' | 'gone' | 'unknown' | 'unanswerable' }
  | { readonly kind: 'ready'; readonly target: ResolvedTarget };

/** What of it is kept on disk: messages as they came, and the set that changes have made. */
export interface Parts {
  readonly outbound: Uint8Array | null;
  readonly profile: Uint8Array | null;
  readonly inbound: Uint8Array | null;
  readonly set: KnownSet | null;
}

export interface Assembly {
  verdict(): Verdict;
  parts(): Parts;
  /** The target of what an earlier process kept; null when the parts are not whole. */
  revive(parts: Parts): ResolvedTarget | null;
  /** The streams that are its own, and how it depends on others. */
  streams(): readonly (readonly [api: string, stream: StreamView])[];
  start(): void;
  close(): void;
}

export interface AssemblyOwner {
  /** The verdict may be another. */
  onChange(): void;
  /** What was known has been said again. */
  onConfirmed(): void;
}

export const pending: Verdict = { kind: 'pending' };
