/**
 * What an outbound policy asks for that has no effect yet. Traffic under such a policy is refused
 * with the sentence that is made here: nothing is allowed because it is not understood. Retries,
 * timeouts, breakers and settings of the balancer are carried and refuse nothing. What is said of
 * inbound ports is `inbound-access.ts`.
 */

import type { DestinationProfile } from '../../api/gen/proxy/destination.ts';
import type { GrpcRouteMatch } from '../../api/gen/proxy/grpc-route.ts';
import type { HttpRouteMatch } from '../../api/gen/proxy/http-route.ts';
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

function refuse(refusal: string): OutboundJudgement {
  return { refusal, backend: null };
}

function placeOf(backend: Backend): string {
  if (backend.kind?.kind !== 'forward') return destinationPathOf(backend);
  const address = readAddress(backend.kind.value.addr);
  return address === null ? '' : `forward ${formatAddress(address)}`;
}

export type AnyMatch = HttpRouteMatch | GrpcRouteMatch;

/** A route of any protocol, as far as it matters here. */
interface AnyRoute {
  readonly hosts?: readonly unknown[];
  readonly snis?: readonly unknown[];
  readonly rules: readonly AnyRule[];
}

interface AnyRule {
  readonly matches?: readonly AnyMatch[];
  readonly filters: readonly AnyFilter[];
  readonly backends: AnyDistribution | null;
}

export interface AnyFilter {
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

export function judgeFilters(filters: readonly AnyFilter[]): string {
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
export function matchesAll(matches: readonly AnyMatch[]): boolean {
  if (matches.length === 0) return true;
  const [match] = matches;
  if (matches.length > 1 || match.headers.length > 0) return false;
  if ('rpc' in match) return (match.rpc?.service ?? '') === '' && (match.rpc?.method ?? '') === '';
  const path = match.path?.kind ?? null;
  const isRoot = path === null || (path.kind === 'prefix' && path.value === '/');
  return isRoot && match.queryParams.length === 0 && match.method === null;
}
