/**
 * The watch interface between whoever knows the mesh and the proxy's main thread. A static proxy
 * implements it from its configuration file; a control plane will implement it over gRPC.
 */

import type { ProxySettings } from '../../api/settings.ts';
import type { Protocol } from '../../api/snapshot.ts';

export interface ResolvedEndpoint {
  /** An IPv4 or IPv6 address. */
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  readonly zone: string;
}

/** Like a snapshot, without slots: those are the proxy's own. */
export interface ResolvedTarget {
  readonly state: 'ready' | 'absent';
  readonly authority: string;
  readonly namespace: string;
  readonly service: string;
  readonly protocol: Protocol;
  readonly endpoints: readonly ResolvedEndpoint[];
}

/** Where a target's endpoints come from and how fresh they are; `/endpoints` shows it. */
export interface SourceStatus {
  readonly kind: 'inline' | 'file' | 'dns' | 'srv' | 'passthrough' | 'static' | 'none';
  /** The file, the name that is looked up, or empty. */
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

/** A configuration that was read and found valid. */
export interface LoadedConfig {
  readonly path: string;
  /** `contentDigest` of the text that was read. */
  readonly digest: string;
  readonly settings: ProxySettings;
  readonly trustDomain: string;
  readonly clusterDomain: string;
  readonly services: readonly ServiceConfig[];
}

export interface ServiceConfig {
  readonly name: string;
  readonly namespace: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly source:
    | { readonly kind: 'inline'; readonly endpoints: readonly ResolvedEndpoint[] }
    /** Absolute path. */
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'dns'; readonly name: string; readonly port: number }
    | { readonly kind: 'srv'; readonly name: string };
}

/** One mistake in a file, as a user needs it. Lines and columns count from 1. */
export interface ConfigProblem {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  /** For example `services.web.endpoints[1].weight`. */
  readonly key: string;
  readonly reason: string;
  readonly remedy: string;
}
