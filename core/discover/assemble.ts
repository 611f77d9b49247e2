/** Targets made of what the control plane said: pure, the same for its streams and for the disk. */

import type { ResolvedEndpoint, ResolvedTarget } from '../../api/discovery.ts';
import type { DestinationProfile } from '../../api/gen/proxy/destination.ts';
import type { Server } from '../../api/gen/proxy/inbound.ts';
import type { Metadata } from '../../api/gen/proxy/meta.ts';
import type { OutboundPolicy } from '../../api/gen/proxy/outbound.ts';
import type { Address } from '../../api/settings.ts';
import type { Protocol } from '../../api/snapshot.ts';
import { formatAddress } from './address-text.ts';
import { judgeInbound } from './inbound-access.ts';
import { readEndpoint } from './read-endpoint.ts';
import { destinationPathOf, judgeOutbound } from './refusal.ts';

/** The endpoints of a Destination path. */
export interface KnownSet {
  readonly endpoints: readonly ResolvedEndpoint[];
  readonly namespace: string;
  readonly service: string;
}

/** The path whose endpoints the target needs; '' when it needs none. */
export function neededPath(policy: OutboundPolicy, profile: DestinationProfile | null): string {
  const { backend } = judgeOutbound(policy, profile);
  return backend === null ? '' : destinationPathOf(backend);
}

/** Null while the endpoints that it needs are not known. `asked`: how the target was named. */
export function assembleOutbound(
  policy: OutboundPolicy,
  profile: DestinationProfile | null,
  set: KnownSet | null,
  asked: string,
): ResolvedTarget | null {
  const { refusal, backend } = judgeOutbound(policy, profile);
  const path = backend === null ? '' : destinationPathOf(backend);
  if (path !== '' && set === null) return null;
  const resource = resourceOf(policy.metadata);
  return {
    state: 'ready',
    authority: path === '' ? asked : path,
    namespace: resource?.namespace ?? set?.namespace ?? '',
    service: resource?.name ?? set?.service ?? '',
    protocol: profile?.opaqueProtocol === true ? 'opaque' : outboundProtocol(policy),
    endpoints: path === '' ? forwardOf(backend) : (set?.endpoints ?? []),
    refusal,
    policy: { outbound: policy, profile, inbound: null },
  };
}

/**
 * For an address that belongs to no service: the profile names its one endpoint, or says at least
 * that it is opaque, where traffic goes to the address in any case. Null: it says nothing.
 */
export function assembleProfile(
  profile: DestinationProfile,
  { name, port, text }: { readonly name: string; readonly port: number; readonly text: string },
  forwards: boolean,
): ResolvedTarget | null {
  const told = profile.endpoint === null ? null : readEndpoint(profile.endpoint);
  const isMeant = forwards && profile.endpoint === null && profile.opaqueProtocol;
  const endpoint = told ?? (isMeant ? { host: name, port, weight: 1, zone: '' } : null);
  if (endpoint === null) return null;
  const resource = resourceOf(profile.parentRef);
  return {
    state: 'ready',
    authority: text,
    namespace: resource?.namespace ?? '',
    service: resource?.name ?? '',
    protocol: profile.opaqueProtocol ? 'opaque' : 'auto',
    endpoints: [endpoint],
    refusal: '',
    policy: { outbound: null, profile, inbound: null },
  };
}

/** `server` null: there is no policy, and everyone may come. */
export function assembleInbound(server: Server | null, to: Address): ResolvedTarget {
  const { refusal, access } =
    server === null ? { refusal: '', access: null } : judgeInbound(server);
  return {
    state: 'ready',
    authority: formatAddress(to),
    namespace: '',
    service: '',
    protocol: server === null ? 'auto' : inboundProtocol(server),
    endpoints: [{ host: to.host, port: to.port, weight: 1, zone: '' }],
    refusal,
    access,
    policy: { outbound: null, profile: null, inbound: server },
  };
}

function outboundProtocol({ protocol }: OutboundPolicy): Protocol {
  const kind = protocol?.kind ?? null;
  switch (kind?.kind) {
    case 'detect':
      return kind.value.heddleHttp ? 'http' : 'auto';
    case 'http1':
    case 'http2':
    case 'grpc':
      return kind.kind;
    default:
      return 'opaque';
  }
}

function inboundProtocol({ protocol }: Server): Protocol {
  const kind = protocol?.kind?.kind;
  switch (kind) {
    case 'detect':
    case undefined:
      return 'auto';
    case 'http1':
    case 'http2':
    case 'grpc':
      return kind;
    default:
      return 'opaque';
  }
}

function forwardOf(backend: ReturnType<typeof judgeOutbound>['backend']): ResolvedEndpoint[] {
  if (backend?.kind?.kind !== 'forward') return [];
  const endpoint = readEndpoint(backend.kind.value);
  return endpoint === null ? [] : [endpoint];
}

function resourceOf(metadata: Metadata | null) {
  return metadata?.kind?.kind === 'resource' ? metadata.kind.value : null;
}
