/** What the objects of a folder of manifests come down to. */

import type { Protocol } from '../../api/snapshot.ts';
import type { InboundRefusal, PolicyRefusals } from '../model/catalog.ts';

export interface ManifestService {
  readonly kind: 'service';
  readonly namespace: string;
  readonly name: string;
  readonly clusterIps: readonly string[];
  readonly ports: readonly ManifestPort[];
}

interface ManifestPort {
  /** By which slices name it; empty when it is the only one. */
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
}

export interface ManifestSlice {
  readonly kind: 'slice';
  readonly namespace: string;
  readonly service: string;
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  readonly endpoints: readonly { readonly host: string; readonly zone: string }[];
}

/** Policy has no effect yet but this: what it is about is refused. */
export interface ManifestPolicy {
  readonly kind: 'policy';
  readonly refusals: PolicyRefusals;
  /** The port that a Server describes. */
  readonly server: { readonly name: string; readonly refusal: InboundRefusal } | null;
  /** Servers, by namespace and name, that a policy asks more of than to let everybody in. */
  readonly servers: readonly string[];
}

export type ManifestValue = ManifestService | ManifestSlice | ManifestPolicy;
