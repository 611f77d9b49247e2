/** The methods of the control API that the proxy calls, with the proxy's own small codec. */

import {
  type DestinationProfile,
  decodeDestinationProfile,
  decodeUpdate,
  encodeGetDestination,
  type GetDestination,
  type Update,
} from '../../api/gen/proxy/destination.ts';
import {
  decodeServer,
  encodePortSpec,
  type PortSpec,
  type Server,
} from '../../api/gen/proxy/inbound.ts';
import {
  decodeOutboundPolicy,
  encodeTrafficSpec,
  type OutboundPolicy,
  type TrafficSpec,
} from '../../api/gen/proxy/outbound.ts';
import type { Malformed, ReadLimits } from '../../api/wire/reader.ts';
import { apiDepthMax, apiElementsMax } from '../base/limits.ts';
import type { Method } from '../grpc/method.ts';

/** A message with its bytes, which tell equal ones apart and are what goes to disk. */
export interface Whole<Message> {
  readonly message: Message;
  readonly bytes: Uint8Array;
}

export const getMethod = describe(
  'destination.Destination/Get',
  encodeGetDestination satisfies (message: GetDestination) => Uint8Array,
  (bytes): Update | null => orNull(decodeUpdate(bytes, limits)),
);

export const profileMethod = describe(
  'destination.Destination/GetProfile',
  encodeGetDestination,
  readProfile,
);

export const outboundMethod = describe(
  'outbound.OutboundPolicies/Watch',
  encodeTrafficSpec satisfies (message: TrafficSpec) => Uint8Array,
  readOutbound,
);

export const inboundMethod = describe(
  'inbound.InboundServerPolicies/WatchPort',
  encodePortSpec satisfies (message: PortSpec) => Uint8Array,
  readInbound,
);

export function readProfile(bytes: Uint8Array): Whole<DestinationProfile> | null {
  return whole(decodeDestinationProfile(bytes, limits), bytes);
}

export function readOutbound(bytes: Uint8Array): Whole<OutboundPolicy> | null {
  return whole(decodeOutboundPolicy(bytes, limits), bytes);
}

export function readInbound(bytes: Uint8Array): Whole<Server> | null {
  return whole(decodeServer(bytes, limits), bytes);
}

function describe<Request, Response>(
  name: string,
  encode: (message: Request) => Uint8Array,
  decode: (bytes: Uint8Array) => Response | null,
): Method<Request, Response> {
  return {
    path: `/io.linkerd.proxy.${name}`,
    request: { encode, decode: () => null },
    response: { encode: () => nothing, decode },
  };
}

function whole<Message extends object>(
  decoded: Message | Malformed,
  bytes: Uint8Array,
): Whole<Message> | null {
  return typeof decoded === 'string' ? null : { message: decoded, bytes };
}

function orNull<Message extends object>(decoded: Message | Malformed): Message | null {
  return typeof decoded === 'string' ? null : decoded;
}

const limits: ReadLimits = { depthMax: apiDepthMax, elementsMax: apiElementsMax };
const nothing = new Uint8Array(0);
