/** What a control plane says of itself, from its messages to plain values. Pure. */

import type { ResolvedEndpoint } from '../api/discovery.ts';
import type { TcpAddress } from '../api/gen/control/net_pb.ts';
import type { Service as ServiceMessage, StatusResponse } from '../api/gen/control/view_pb.ts';
import { canonicalIp, formatAddress } from '../control/model/address.ts';

/** A service with the endpoints that a control plane knows of it. */
export interface ServiceView {
  readonly authority: string;
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly source: string;
  readonly location: string;
  /** In ms since 1970; null when its endpoints have never been confirmed. */
  readonly confirmedMs: number | null;
  /** Empty when the newest attempt did not fail. */
  readonly error: string;
  readonly version: string;
  readonly endpoints: readonly ResolvedEndpoint[];
}

export interface ControlStatus {
  readonly version: string;
  readonly startedMs: number;
  readonly address: string;
  readonly sources: readonly SourceView[];
  readonly problems: readonly { object: string; field: string; reason: string }[];
  readonly proxies: readonly ProxyView[];
  readonly instances: readonly InstanceView[];
  readonly services: number;
  readonly streams: number;
  readonly settlingMs: number;
  /** In ms since 1970; null where it does not say. */
  readonly nowMs: number | null;
}

export interface SourceView {
  readonly kind: string;
  readonly location: string;
  readonly objects: number;
  readonly confirmedMs: number | null;
  readonly error: string;
}

export interface ConfirmedTrust {
  readonly identity: string;
  /** Digest of the trust anchors, and fingerprint of the leaf's issuer. */
  readonly bundle: string;
  readonly issuer: string;
}

interface ProxyView {
  readonly workload: string;
  readonly peer: string;
  readonly admin: string;
  readonly version: string;
  readonly streams: number;
  /** What it has said of its certificates; null for nothing. */
  readonly confirmed: ConfirmedTrust | null;
}

interface InstanceView {
  readonly instance: string;
  readonly namespace: string;
  readonly service: string;
  readonly address: string;
  readonly serving: boolean;
  readonly connected: boolean;
  readonly admin: string;
  /** What its proxy proves, and where it takes mutual TLS; empty and 0 for none. */
  readonly identity: string;
  readonly inboundPort: number;
}

export function readService(message: ServiceMessage): ServiceView {
  const { authority, namespace, name, port, protocol, source, location, error, version } = message;
  const endpoints = message.endpoints.flatMap(({ address, weight, zone }) => {
    const read = readAddress(address);
    return read === null ? [] : [{ ...read, weight: weight / weightUnit, zone }];
  });
  const confirmedMs = readTime(message.confirmedMs);
  const about = { authority, namespace, name, port, protocol, source, location };
  return { ...about, confirmedMs, error, version, endpoints };
}

export function readStatus(message: StatusResponse): ControlStatus {
  return {
    version: message.version,
    startedMs: Number(message.startedMs),
    address: message.address,
    sources: message.sources.map(({ kind, location, objects, confirmedMs, error }) => {
      return { kind, location, objects, confirmedMs: readTime(confirmedMs), error };
    }),
    problems: message.problems.map(({ object, field, reason }) => ({ object, field, reason })),
    proxies: message.proxies.map(({ workload, peer, admin, version, streams, ...said }) => {
      const { identity, bundle, issuer } = said;
      const confirmed = bundle === '' ? null : { identity, bundle, issuer };
      return { workload, peer, admin, version, streams, confirmed };
    }),
    instances: message.instances.map((one) => {
      const address = readAddress(one.address);
      const { instance, namespace, service, serving, connected, admin } = one;
      const { identity, inboundPort } = one;
      const text = address === null ? '' : formatAddress(address);
      const about = { instance, namespace, service, address: text, serving, connected };
      return Object.assign(about, { admin, identity, inboundPort });
    }),
    services: message.services,
    streams: message.streams,
    settlingMs: message.settlingMs,
    nowMs: readTime(message.nowMs),
  };
}

/** Null for one that is not whole. */
function readAddress(message: TcpAddress | undefined): { host: string; port: number } | null {
  const ip = message?.ip?.ip;
  if (message === undefined || ip === undefined || message.port > portMax) return null;
  if (ip.case === 'ipv4') {
    const octets = [24, 16, 8, 0].map((shift) => (ip.value >>> shift) & 0xff);
    return { host: octets.join('.'), port: message.port };
  }
  if (ip.case !== 'ipv6') return null;
  const digits = [ip.value.first, ip.value.last].map((half) => half.toString(16).padStart(16, '0'));
  const groups = digits.join('').match(/.{4}/g) ?? [];
  const host = canonicalIp(groups.join(':'));
  return host === null ? null : { host, port: message.port };
}

function readTime(ms: bigint): number | null {
  return ms === 0n ? null : Number(ms);
}

/** What a weight of 1 is on the wire. */
const weightUnit = 10_000;
const portMax = 65_535;
