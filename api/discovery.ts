/**
 * The watch interface between whoever knows the mesh and the proxy's main thread. A proxy with a
 * configuration file of its own implements it by an index over its sources, one with a control
 * plane by watches over gRPC.
 */

import type { AccessSnapshot } from './access.ts';
import type { EndpointTraits, Protocol, TargetPolicy } from './snapshot.ts';

export interface ResolvedEndpoint {
  /** An IPv4 or IPv6 address. */
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  readonly zone: string;
  /** What a control plane says of it beyond that; absent where there is none. */
  readonly traits?: EndpointTraits;
}

/** Like a snapshot, without slots: those are the proxy's own. */
export interface ResolvedTarget {
  readonly state: 'ready' | 'absent';
  readonly authority: string;
  readonly namespace: string;
  readonly service: string;
  readonly protocol: Protocol;
  readonly endpoints: readonly ResolvedEndpoint[];
  /**
   * Why its traffic is refused although it is known: what its policy asks for and has no effect
   * yet, as a sentence. Absent or empty when nothing is.
   */
  readonly refusal?: string;
  /** Whom an inbound target lets in; absent or null: everybody. */
  readonly access?: AccessSnapshot | null;
  readonly policy?: TargetPolicy;
}

/** Nobody knows of it. */
export const absentTarget: ResolvedTarget = {
  state: 'absent',
  authority: '',
  namespace: '',
  service: '',
  protocol: 'auto',
  endpoints: [],
};

/** Where a target's endpoints come from and how fresh they are; `/endpoints` shows it. */
export interface SourceStatus {
  /**
   * `control`: a control plane; `disk`: what it said last, kept by this proxy; `unmeshed`: where
   * the application dialled, because the control plane knows nothing or cannot be asked.
   */
  readonly kind:
    | 'inline'
    | 'file'
    | 'dns'
    | 'srv'
    | 'manifests'
    | 'registry'
    | 'passthrough'
    | 'static'
    | 'control'
    | 'disk'
    | 'unmeshed'
    | 'none';
  /** The file, the name that is looked up, the control plane's address, or empty. */
  readonly location: string;
  /** When the endpoints were last confirmed, in ms since 1970; null before the first time. */
  readonly confirmedWallMs: number | null;
  /** Why the newest attempt failed; null when it did not. The last good endpoints stay in use. */
  readonly error: string | null;
}

export interface Discovery {
  /**
   * Calls `onChange` with the target as soon as it is known and on every change, until the
   * returned function is called. It is never called while nothing is known and never with an
   * empty set because of an error.
   */
  watch(key: string, onChange: (target: ResolvedTarget) => void): () => void;
  status(key: string): SourceStatus;
  close(): void;
}
