/** What a configuration file says once it was read: the services of a mesh, and its mistakes. */

import type { ResolvedEndpoint } from '../../api/discovery.ts';
import type { ProxySettings } from '../../api/settings.ts';
import type { Protocol } from '../../api/snapshot.ts';

/** A configuration that was read and found valid. */
export interface LoadedConfig {
  readonly path: string;
  /** `contentDigest` of the text that was read. */
  readonly digest: string;
  readonly settings: ProxySettings;
  readonly trustDomain: string;
  /** Whether leaves have a name of SPIFFE beside the DNS name. */
  readonly spiffe: boolean;
  readonly clusterDomain: string;
  readonly services: readonly ServiceConfig[];
  /** A folder of manifests beside it, as an absolute path; null for none. */
  readonly manifests: string | null;
  /** What only a control plane can do, as problems of whoever runs a proxy by the file alone. */
  readonly proxyProblems: readonly ConfigProblem[];
}

/** What a configuration with mistakes says apart from the entries that have them. */
export interface ConfigRest {
  readonly config: LoadedConfig;
  /** Names of services that `config` does not have because of a mistake, among other words. */
  readonly refused: readonly string[];
}

export interface ServiceConfig {
  readonly name: string;
  readonly namespace: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** Addresses that nobody has and that stand for the service where connections are redirected. */
  readonly clusterIps?: readonly string[];
  readonly source:
    | { readonly kind: 'inline'; readonly endpoints: readonly ResolvedEndpoint[] }
    /** Absolute path. */
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'dns'; readonly name: string; readonly port: number }
    | { readonly kind: 'srv'; readonly name: string }
    /** What slices in a folder of manifests say. */
    | ({ readonly kind: 'manifests' } & ServicePort)
    /** Processes that have joined under the name, whatever port they gave. */
    | ({ readonly kind: 'registry' } & ServicePort);
}

/** One port of a service. */
export interface ServicePort {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

/** One mistake in a file, as a user needs it. Lines and columns count from 1. */
export interface ConfigProblem {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  /** For example `services.web.endpoints[1].weight`. */
  readonly key: string;
  /** What is refused alone because of it, such as `services.web`; empty for the whole file. */
  readonly entry: string;
  readonly reason: string;
  readonly remedy: string;
}
