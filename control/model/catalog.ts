/**
 * What the index asks of whoever knows which services there are: the configuration file, a folder
 * of manifests, the registry of joined processes. Endpoints come from sources (`source.ts`); a
 * catalog says which services have one, what policy refuses, and what is wrong with its objects.
 */

import type { ServiceConfig } from './loaded-config.ts';

export type CatalogKind = 'config' | 'manifests' | 'registry';

export interface Catalog {
  readonly kind: CatalogKind;
  /** The file, the folder, or empty. */
  readonly location: string;
  /** The last good ones; a new list only when something has changed. */
  services(): readonly ServiceConfig[];
  refusals(): PolicyRefusals;
  /** Objects that do not count, each for itself. */
  problems(): readonly ObjectProblem[];
  status(): CatalogStatus;
  /** Whether a name that it does not know may still turn up: shortly after the start. */
  isSettling(): boolean;
  /**
   * Called after services, refusals, problems or settling have changed, until the returned
   * function is called.
   */
  onChange(listener: () => void): () => void;
  close(): void;
}

export interface CatalogStatus {
  /** Services, slices, policies or instances that count. */
  readonly objects: number;
  /** When it was last seen whole, in ms since 1970; null before the first time. */
  readonly confirmedWallMs: number | null;
  /** Why the newest attempt failed; what was known before stays. Null when it did not. */
  readonly error: string | null;
}

/** An object that is refused, while the others apply. */
export interface ObjectProblem {
  /** `Service demo/web in mesh.d/web.yaml:3` */
  readonly object: string;
  /** `spec.ports[0].port`; empty when it is the whole object. */
  readonly field: string;
  readonly reason: string;
}

/** What policy without effect refuses: nothing is allowed because it is not understood yet. */
export interface PolicyRefusals {
  readonly services: readonly ServiceRefusal[];
  readonly inbound: readonly InboundRefusal[];
  readonly egress: readonly EgressRefusal[];
}

/** The service is known, and its traffic is refused. */
export interface ServiceRefusal {
  readonly namespace: string;
  readonly name: string;
  /** Null for all ports. */
  readonly port: number | null;
  /** A sentence that names the object. */
  readonly reason: string;
}

/** A port of workloads that lets nobody in. Labels are not compared: joined processes have none. */
export interface InboundRefusal {
  readonly namespace: string;
  /** Null for all ports: the policy names its port by a name that nobody here knows. */
  readonly port: number | null;
  readonly reason: string;
}

/** What clients of a namespace may not reach: whatever is no service of the mesh. */
export interface EgressRefusal {
  /** Null for all namespaces. */
  readonly namespace: string | null;
  readonly reason: string;
}

export const noRefusals: PolicyRefusals = { services: [], inbound: [], egress: [] };
