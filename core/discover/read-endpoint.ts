/** An endpoint of the control API as discovery knows it. */

import type { ResolvedEndpoint } from '../../api/discovery.ts';
import type { Http2ClientParams, WeightedAddr } from '../../api/gen/proxy/destination.ts';
import type { EndpointTraits } from '../../api/snapshot.ts';
import { readAddress } from './address-text.ts';

/** Null: it cannot be dialled. */
export function readEndpoint(told: WeightedAddr): ResolvedEndpoint | null {
  const address = readAddress(told.addr);
  if (address === null) return null;
  const { host, port } = address;
  const weight = told.weight === 0 ? 1 : told.weight / usualWeight;
  const zone = told.metricLabels.get('zone') ?? '';
  const traits = readTraits(told);
  return traits === null ? { host, port, weight, zone } : { host, port, weight, zone, traits };
}

export function sameEndpoint(a: ResolvedEndpoint, b: ResolvedEndpoint): boolean {
  return (
    a.host === b.host &&
    a.port === b.port &&
    a.weight === b.weight &&
    a.zone === b.zone &&
    sameTraits(a.traits, b.traits)
  );
}

/** Null when the control plane says nothing but the address: most of them in a plain mesh. */
function readTraits(told: WeightedAddr): EndpointTraits | null {
  const labels = readLabels(told.metricLabels);
  const { tlsIdentity, protocolHint, authorityOverride, http2 } = told;
  const silent = tlsIdentity === null && protocolHint === null && authorityOverride === null;
  if (silent && http2 === null && labels === none) return null;
  const strategy = tlsIdentity?.strategy ?? null;
  const name = strategy?.kind === 'dnsLikeIdentity' ? strategy.value.name : '';
  const identity = strategy?.kind === 'uriLikeIdentity' ? strategy.value.uri : name;
  return {
    identity,
    serverName: tlsIdentity?.serverName?.name ?? name,
    protocolHint: protocolHint?.protocol?.kind ?? '',
    opaqueTransportPort: protocolHint?.opaqueTransport?.inboundPort ?? 0,
    authorityOverride: authorityOverride?.authorityOverride ?? '',
    http2,
    labels,
  };
}

function readLabels(told: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  let labels: Record<string, string> | null = null;
  for (const [name, value] of told) {
    // It has a place of its own.
    if (name === 'zone') continue;
    labels ??= Object.create(null) as Record<string, string>;
    labels[name] = value;
  }
  return labels ?? none;
}

function sameTraits(a: EndpointTraits | undefined, b: EndpointTraits | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.identity === b.identity &&
    a.serverName === b.serverName &&
    a.protocolHint === b.protocolHint &&
    a.opaqueTransportPort === b.opaqueTransportPort &&
    a.authorityOverride === b.authorityOverride &&
    sameLabels(a.labels, b.labels) &&
    sameHttp2(a.http2, b.http2)
  );
}

function sameLabels(
  a: Readonly<Record<string, string>>,
  b: Readonly<Record<string, string>>,
): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

function sameHttp2(a: Http2ClientParams | null, b: Http2ClientParams | null): boolean {
  return a === b || toText(a) === toText(b);
}

/** Durations have bigints, which JSON does not know. */
function toText(params: Http2ClientParams | null): string {
  return JSON.stringify(params, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
}

const none: Readonly<Record<string, string>> = Object.freeze({});
const usualWeight = 10_000;
