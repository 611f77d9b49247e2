/**
 * Sets of endpoints as the messages of Destination.Get: the whole of one, or what makes another of
 * it. Sets are immutable, so that whoever has been told an old one needs no more than a reference
 * to it.
 */

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { ResolvedEndpoint } from '../../api/discovery.ts';
import {
  type Update,
  UpdateSchema,
  type WeightedAddr,
  WeightedAddrSchema,
} from '../../api/gen/control/destination_pb.ts';
import type { EndpointTraits } from '../../api/snapshot.ts';
import { grpcMessageBytesMax, updateEndpointsMax } from '../../core/base/limits.ts';
import { frameMessage } from '../../core/grpc/frame.ts';
import { destinationGet } from './methods.ts';
import { tcpAddress } from './net.ts';

export interface EndpointSet {
  readonly namespace: string;
  readonly service: string;
  /** By address. */
  readonly endpoints: ReadonlyMap<string, ResolvedEndpoint>;
}

export function endpointSet(
  namespace: string,
  service: string,
  endpoints: readonly ResolvedEndpoint[],
): EndpointSet {
  const pairs = endpoints.map((endpoint) => [keyOf(endpoint), endpoint] as const);
  return { namespace, service, endpoints: new Map(pairs) };
}

/** A first message, even for an empty set; `Add` stands for all that there are. */
export function wholeSet(set: EndpointSet): Buffer[] {
  const all = [...set.endpoints.values()];
  return framesOf(all.length === 0 ? [addUpdate(set, [])] : addUpdates(set, all));
}

/**
 * What makes `after` of `before`: first what is new or has changed, then what is gone, so that a
 * proxy always has somewhere to go. Empty when they are equal.
 */
export function changesBetween(before: EndpointSet, after: EndpointSet): Buffer[] {
  const added: ResolvedEndpoint[] = [];
  const removed: ResolvedEndpoint[] = [];
  for (const [key, endpoint] of after.endpoints) {
    const known = before.endpoints.get(key);
    if (known === undefined || !isSame(known, endpoint)) added.push(endpoint);
  }
  for (const [key, endpoint] of before.endpoints) {
    if (!after.endpoints.has(key)) removed.push(endpoint);
  }
  const updates = addUpdates(after, added);
  for (const part of partsOf(removed)) {
    const addrs = part.map(tcpAddress);
    updates.push(create(UpdateSchema, { update: { case: 'remove', value: { addrs } } }));
  }
  return framesOf(updates);
}

function addUpdates(set: EndpointSet, endpoints: readonly ResolvedEndpoint[]): Update[] {
  return partsOf(endpoints).map((part) => addUpdate(set, part));
}

function addUpdate(set: EndpointSet, endpoints: readonly ResolvedEndpoint[]): Update {
  const { namespace, service } = set;
  const addrs = endpoints.map(weightedAddr);
  const value = { addrs, metricLabels: { namespace, service } };
  return create(UpdateSchema, { update: { case: 'add', value } });
}

/** Linkerd's weight is always 10000, so that this is what 1 is. */
export function weightedAddr(endpoint: ResolvedEndpoint): WeightedAddr {
  const { weight, zone, traits } = endpoint;
  return create(WeightedAddrSchema, {
    addr: tcpAddress(endpoint),
    weight: Math.max(1, Math.round(weight * weightUnit)),
    metricLabels: zone === '' ? {} : { zone, zone_locality: 'unknown' },
    ...(traits !== undefined && meshedFields(traits)),
  });
}

/** Who it proves to be, and the port at which its proxy takes what is for it. */
function meshedFields(traits: EndpointTraits): MessageInitShape<typeof WeightedAddrSchema> {
  const { identity, serverName, protocolHint: hint, opaqueTransportPort: inboundPort } = traits;
  return {
    tlsIdentity: {
      strategy: { case: 'dnsLikeIdentity', value: { name: identity } },
      serverName: { name: serverName },
    },
    protocolHint: {
      protocol: hint === '' ? { case: undefined } : { case: hint, value: {} },
      opaqueTransport: { inboundPort },
    },
  };
}

/** A message has a size; sets beyond it come in several. */
function partsOf(endpoints: readonly ResolvedEndpoint[]): (readonly ResolvedEndpoint[])[] {
  const parts: (readonly ResolvedEndpoint[])[] = [];
  for (let at = 0; at < endpoints.length; at += updateEndpointsMax) {
    parts.push(endpoints.slice(at, at + updateEndpointsMax));
  }
  return parts;
}

/** Several small messages go out as one piece. */
function framesOf(updates: readonly Update[]): Buffer[] {
  const frames = updates.map((update) => frameMessage(destinationGet.response, update));
  if (frames.length < 2) return frames;
  const joined = Buffer.concat(frames);
  return joined.length <= grpcMessageBytesMax / 4 ? [joined] : frames;
}

function keyOf({ host, port }: ResolvedEndpoint): string {
  return `${host} ${port}`;
}

function isSame(a: ResolvedEndpoint, b: ResolvedEndpoint): boolean {
  if (a === b) return true;
  const isSameWay =
    a.traits?.identity === b.traits?.identity &&
    a.traits?.opaqueTransportPort === b.traits?.opaqueTransportPort &&
    a.traits?.protocolHint === b.traits?.protocolHint;
  return a.weight === b.weight && a.zone === b.zone && isSameWay;
}

const weightUnit = 10_000;
