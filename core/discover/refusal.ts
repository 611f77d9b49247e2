/**
 * What a policy asks for that has no effect yet. Traffic under such a policy is refused with the
 * sentence that is made here: nothing is allowed because it is not understood. Retries, timeouts,
 * breakers and settings of the balancer are carried and refuse nothing.
 */

import type { DestinationProfile } from '../../api/gen/proxy/destination.ts';
import type { GrpcRouteMatch } from '../../api/gen/proxy/grpc-route.ts';
import type { HttpRouteMatch } from '../../api/gen/proxy/http-route.ts';
import type {
  Authz,
  ProxyProtocol as InboundProtocol,
  Server,
} from '../../api/gen/proxy/inbound.ts';
import type { IPNetwork } from '../../api/gen/proxy/net.ts';
import type { Backend, OutboundPolicy } from '../../api/gen/proxy/outbound.ts';
import { formatAddress, readAddress } from './address-text.ts';

/** `backend`: the only one, when nothing is refused. */
type OutboundJudgement =
  | { readonly refusal: ''; readonly backend: Backend }
  | { readonly refusal: string; readonly backend: null };

export function judgeOutbound(
  policy: OutboundPolicy,
  profile: DestinationProfile | null,
): OutboundJudgement {
  if (profile !== null && profile.routes.length > 0) {
    return refuse('its service profile has routes, which have no effect yet');
  }
  if (profile !== null && profile.dstOverrides.length > 0) {
    return refuse('its service profile splits traffic (dstOverrides), which has no effect yet');
  }
  const judged = judgeParts(policy);
  if (typeof judged === 'string') return refuse(judged);
  const [backend, ...others] = judged;
  const place = placeOf(backend);
  if (place === '') return refuse('its backend names no endpoints');
  if (others.some((other) => placeOf(other) !== place)) {
    return refuse('its protocols have different backends, which has no effect yet');
  }
  return { refusal: '', backend };
}

/** Where a backend's endpoints come from; '' when it does not say. */
export function destinationPathOf(backend: Backend): string {
  if (backend.kind?.kind !== 'balancer') return '';
  return backend.kind.value.discovery?.kind?.value.path ?? '';
}

export function refuseInbound(server: Server): string {
  if (!allowsAll(server.authorizations)) {
    return 'its authorizations do not let in everyone, and have no effect yet';
  }
  return judgeInboundProtocol(server.protocol);
}

function refuse(refusal: string): OutboundJudgement {
  return { refusal, backend: null };
}

function placeOf(backend: Backend): string {
  if (backend.kind?.kind !== 'forward') return destinationPathOf(backend);
  const address = readAddress(backend.kind.value.addr);
  return address === null ? '' : `forward ${formatAddress(address)}`;
}

/** A route of any protocol, as far as it matters here. */
interface AnyRoute {
  readonly hosts?: readonly unknown[];
  readonly snis?: readonly unknown[];
  readonly rules: readonly AnyRule[];
}

interface AnyRule {
  readonly matches?: readonly (HttpRouteMatch | GrpcRouteMatch)[];
  readonly filters: readonly AnyFilter[];
  readonly backends: AnyDistribution | null;
}

interface AnyFilter {
  readonly kind: { readonly kind: string } | null;
}

interface AnyBackend {
  readonly backend: Backend | null;
  readonly filters: readonly AnyFilter[];
}

interface AnyDistribution {
  readonly kind:
    | { readonly kind: 'empty' }
    | { readonly kind: 'firstAvailable'; readonly value: { backends: readonly AnyBackend[] } }
    | {
        readonly kind: 'randomAvailable';
        readonly value: {
          readonly backends: readonly { readonly backend: AnyBackend | null; weight: number }[];
        };
      }
    | null;
}

/** The backend of each protocol that the policy has, at least one; or the refusal. */
function judgeParts(policy: OutboundPolicy): string | Backend[] {
  const kind = policy.protocol?.kind ?? null;
  if (kind === null) return 'its policy has a protocol that this proxy does not know';
  let parts: readonly (readonly AnyRoute[])[];
  switch (kind.kind) {
    case 'detect': {
      const { opaque, http1, http2 } = kind.value;
      parts = [opaque, http1, http2].flatMap((part) => (part === null ? [] : [part.routes]));
      break;
    }
    case 'tls':
      return 'its policy is for TLS routes, which have no effect yet';
    default:
      parts = [kind.value.routes];
  }
  if (parts.length === 0) return 'its policy has no route';
  const backends: Backend[] = [];
  for (const routes of parts) {
    const judged = judgeRoutes(routes);
    if (typeof judged === 'string') return judged;
    backends.push(judged);
  }
  return backends;
}

function judgeRoutes(routes: readonly AnyRoute[]): string | Backend {
  if (routes.length === 0) return 'its policy has no route';
  if (routes.length > 1) {
    return `its policy has ${routes.length} routes, and choosing among them has no effect yet`;
  }
  const [{ hosts = [], snis = [], rules }] = routes;
  if (hosts.length > 0 || snis.length > 0) {
    return 'its route is for certain hosts, and matching has no effect yet';
  }
  if (rules.length !== 1) {
    return rules.length === 0
      ? 'its route has no rule'
      : `its route has ${rules.length} rules, and choosing among them has no effect yet`;
  }
  const [{ matches = [], filters, backends }] = rules;
  if (!matchesAll(matches)) return 'its route has matches, which have no effect yet';
  return judgeFilters(filters) || judgeDistribution(backends);
}

function judgeFilters(filters: readonly AnyFilter[]): string {
  if (filters.length === 0) return '';
  switch (filters[0].kind?.kind) {
    case 'forbidden':
      return 'its policy forbids it';
    case 'invalid':
      return 'its policy is invalid';
    case 'failureInjector':
      return 'its route injects failures, which has no effect yet';
    default:
      return 'its route has filters, which have no effect yet';
  }
}

function judgeDistribution(distribution: AnyDistribution | null): string | Backend {
  const kind = distribution?.kind ?? null;
  if (kind === null || kind.kind === 'empty') return 'its route has no backend';
  const listed =
    kind.kind === 'firstAvailable'
      ? kind.value.backends
      : kind.value.backends.filter(({ weight }) => weight > 0).map(({ backend }) => backend);
  if (listed.length > 1) {
    return `its route has ${listed.length} backends, and choosing among them has no effect yet`;
  }
  const backend = listed[0]?.backend ?? null;
  if (backend === null) return 'its route has no backend';
  return judgeFilters(listed[0]?.filters ?? []) || backend;
}

/** No match, or one of everything. */
function matchesAll(matches: readonly (HttpRouteMatch | GrpcRouteMatch)[]): boolean {
  if (matches.length === 0) return true;
  const [match] = matches;
  if (matches.length > 1 || match.headers.length > 0) return false;
  if ('rpc' in match) return (match.rpc?.service ?? '') === '' && (match.rpc?.method ?? '') === '';
  const path = match.path?.kind ?? null;
  const isRoot = path === null || (path.kind === 'prefix' && path.value === '/');
  return isRoot && match.queryParams.length === 0 && match.method === null;
}

function judgeInboundProtocol(protocol: InboundProtocol | null): string {
  const kind = protocol?.kind ?? null;
  switch (kind?.kind) {
    case 'opaque':
      return '';
    case 'detect':
      return judgeRateLimit(kind.value.httpLocalRateLimit) || judgeInbound(kind.value.httpRoutes);
    case 'http1':
    case 'http2':
      return judgeRateLimit(kind.value.localRateLimit) || judgeInbound(kind.value.routes);
    case 'grpc':
      return judgeInbound(kind.value.routes);
    case 'tls':
      return "its policy is for the application's own TLS, which has no effect yet";
    default:
      return 'its policy has a protocol that this proxy does not know';
  }
}

function judgeRateLimit(limit: object | null): string {
  return limit === null ? '' : 'its policy has a rate limit, which has no effect yet';
}

interface InboundRoute {
  readonly hosts: readonly unknown[];
  readonly authorizations: readonly Authz[];
  readonly rules: readonly {
    readonly matches: readonly (HttpRouteMatch | GrpcRouteMatch)[];
    readonly filters: readonly AnyFilter[];
  }[];
}

function judgeInbound(routes: readonly InboundRoute[]): string {
  if (routes.length !== 1) {
    return routes.length === 0
      ? 'its policy has no route'
      : `its policy has ${routes.length} routes, and choosing among them has no effect yet`;
  }
  const [{ hosts, authorizations, rules }] = routes;
  if (hosts.length > 0) return 'its route is for certain hosts, and matching has no effect yet';
  if (authorizations.length > 0 && !allowsAll(authorizations)) {
    return 'the authorizations of its route do not let in everyone, and have no effect yet';
  }
  if (rules.length !== 1 || !matchesAll(rules[0].matches)) {
    return 'its route has matches, which have no effect yet';
  }
  return judgeFilters(rules[0].filters);
}

/** Whoever comes from any IPv4 or IPv6 address, with no proof asked. */
function allowsAll(authorizations: readonly Authz[]): boolean {
  const open = authorizations
    .filter(({ authentication }) => authentication?.permit?.kind === 'unauthenticated')
    .flatMap(({ networks }) => networks)
    .filter(({ except }) => except.length === 0);
  const families = new Set(open.map(({ net }) => familyOfAll(net)));
  return families.has('ipv4') && families.has('ipv6');
}

/** The family whose addresses all belong to the network; '' when not all do. */
function familyOfAll(network: IPNetwork | null): string {
  return network?.prefixLen === 0 ? (network.ip?.ip?.kind ?? '') : '';
}
