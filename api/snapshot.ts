/** What a worker knows of one target: immutable, numbered, sent by main as msgpackr bytes. */

import { Packr } from 'msgpackr';
import type { AccessSnapshot } from './access.ts';
import type { DestinationProfile, Http2ClientParams } from './gen/proxy/destination.ts';
import type { Server } from './gen/proxy/inbound.ts';
import type { OutboundPolicy } from './gen/proxy/outbound.ts';

/**
 * What a service speaks. `http`: HTTP of any version, without detection of anything else; `http1`,
 * `http2`, `grpc`: HTTP too, and its endpoints are spoken to in this version, whatever the
 * client's.
 */
export type Protocol = 'auto' | 'http' | 'http1' | 'http2' | 'grpc' | 'opaque';

export interface EndpointSnapshot {
  readonly host: string;
  readonly port: number;
  /** Above 0; 1 is usual. */
  readonly weight: number;
  /** Where its load lives in shared memory; unique among living endpoints of the process. */
  readonly slot: number;
  readonly zone: string;
  readonly traits?: EndpointTraits;
}

/** What a control plane says of an endpoint beyond its address; empty where it says nothing. */
export interface EndpointTraits {
  /** Who it proves to be, and the server name to ask for. */
  readonly identity: string;
  readonly serverName: string;
  readonly protocolHint: '' | 'h2' | 'opaque';
  /** The port of its proxy's inbound listener that takes any protocol, after a header; 0: none. */
  readonly opaqueTransportPort: number;
  readonly authorityOverride: string;
  readonly http2: Http2ClientParams | null;
  readonly labels: Readonly<Record<string, string>>;
}

export interface TargetSnapshot {
  /** As the worker asked; `targetKey` builds it. */
  readonly key: string;
  /** Grows with each change of this target. */
  readonly generation: number;
  /** `absent`: no such service. A service without endpoints is ready with an empty list. */
  readonly state: 'ready' | 'absent';
  /** Canonical name with port, for example `web.default.svc.cluster.local:80`. */
  readonly authority: string;
  readonly namespace: string;
  readonly service: string;
  readonly protocol: Protocol;
  readonly endpoints: readonly EndpointSnapshot[];
  /** Why its traffic is refused although it is known, as a sentence; absent or empty for no. */
  readonly refusal?: string;
  /** Whom an inbound target lets in; absent or null: everybody. */
  readonly access?: AccessSnapshot | null;
  readonly policy?: TargetPolicy;
}

/** As a control plane sent it; each null where it sent none. */
export interface TargetPolicy {
  readonly outbound: OutboundPolicy | null;
  readonly profile: DestinationProfile | null;
  readonly inbound: Server | null;
}

/**
 * `host`: what a client named in Host, absolute-form or CONNECT, lower-case, with the port if it
 * gave one; `sni`: a server name without port; `bind`: the authority of a bind port; `addr`: the
 * original destination of a redirected connection, `IP:port`; `inbound`: a local target, `IP:port`
 * of its original destination, or empty for the one that is configured.
 */
export type TargetKind = 'host' | 'sni' | 'bind' | 'addr' | 'inbound';

export function targetKey(kind: TargetKind, value: string): string {
  return `${kind}:${value}`;
}

const packr = new Packr({ useRecords: false });

/** Encodes once, into memory that every worker reads without a copy. */
export function encodeSnapshot(snapshot: TargetSnapshot): SharedArrayBuffer {
  const bytes = packr.pack(snapshot);
  const shared = new SharedArrayBuffer(bytes.length);
  new Uint8Array(shared).set(bytes);
  return shared;
}

/** Decodes what `encodeSnapshot` of this same process made. */
export function decodeSnapshot(shared: SharedArrayBuffer): TargetSnapshot {
  return packr.unpack(Buffer.from(new Uint8Array(shared))) as TargetSnapshot;
}
