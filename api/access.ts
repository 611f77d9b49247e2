/**
 * Whom an inbound target lets in, as its policy says: plain text, made by main once for each change
 * (`core/discover/inbound-access.ts`), compiled by each worker (`core/policy/access.ts`).
 */

export interface AccessSnapshot {
  /** The policy itself, as metrics and logs name it. */
  readonly server: PolicyName;
  /** One that fits is enough; the first that does gives its name. */
  readonly authorizations: readonly Authorization[];
  /** What all requests of HTTP are, but for those below. */
  readonly route: RouteAccess;
  /** Requests that more clients may send. */
  readonly exceptions: readonly PathAccess[];
}

/** A thing of the control plane. */
export interface PolicyName {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

export interface Authorization {
  readonly name: PolicyName;
  readonly networks: readonly Network[];
  /** What a client has to prove: nothing, to be of the mesh, or to be one of those listed. */
  readonly proof: 'none' | 'mesh' | 'identity';
  readonly identities: readonly string[];
  /** Ends of names of DNS, with the dot before them; empty: every such name. */
  readonly suffixes: readonly string[];
}

/** In CIDR notation. */
export interface Network {
  readonly net: string;
  /** Parts of it that do not belong to it. */
  readonly except: readonly string[];
}

export interface RouteAccess {
  readonly name: PolicyName;
  /** Judged before those of the server. */
  readonly authorizations: readonly Authorization[];
}

/** A route for exactly these requests, such as the probes of a kubelet. */
export interface PathAccess extends RouteAccess {
  readonly matches: readonly {
    /** Empty: any. */
    readonly method: string;
    /** The whole path, without the query. */
    readonly path: string;
  }[];
}
