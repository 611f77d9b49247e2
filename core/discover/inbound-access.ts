/**
 * Whom the policy of an inbound port lets in, in the terms of a snapshot. What it asks for beyond
 * that and has no effect yet refuses everybody, with the sentence that is made here: nothing is
 * allowed because it is not understood. An authorization that is not understood lets in nobody.
 */

import type {
  AccessSnapshot,
  Authorization,
  Network,
  PathAccess,
  PolicyName,
  RouteAccess,
} from '../../api/access.ts';
import type { HttpMethod } from '../../api/gen/proxy/http-types.ts';
import type { Authz, Network as NetworkMessage, Server } from '../../api/gen/proxy/inbound.ts';
import type { Metadata } from '../../api/gen/proxy/meta.ts';
import type { IPNetwork } from '../../api/gen/proxy/net.ts';
import { hostOf } from './address-text.ts';
import { type AnyFilter, type AnyMatch, judgeFilters, matchesAll } from './refusal.ts';

/** `access` is null when everybody is refused. */
type InboundJudgement =
  | { readonly refusal: ''; readonly access: AccessSnapshot }
  | { readonly refusal: string; readonly access: null };

export function judgeInbound(server: Server): InboundJudgement {
  const routes = judgeProtocol(server);
  if (typeof routes === 'string') return { refusal: routes, access: null };
  const authorizations = readAuthorizations(server.authorizations);
  const name = nameOfLabels(server.labels, 'server');
  return { refusal: '', access: { server: name, authorizations, ...routes } };
}

type Routes = Pick<AccessSnapshot, 'route' | 'exceptions'>;

function judgeProtocol({ protocol }: Server): string | Routes {
  const kind = protocol?.kind ?? null;
  switch (kind?.kind) {
    case 'opaque':
    case 'tls':
      return { route: { name: nameless, authorizations: [] }, exceptions: [] };
    case 'detect':
      return judgeRateLimit(kind.value.httpLocalRateLimit) || judgeRoutes(kind.value.httpRoutes);
    case 'http1':
    case 'http2':
      return judgeRateLimit(kind.value.localRateLimit) || judgeRoutes(kind.value.routes);
    case 'grpc':
      return judgeRoutes(kind.value.routes);
    default:
      return 'its policy has a protocol that this proxy does not know';
  }
}

function judgeRateLimit(limit: object | null): string {
  return limit === null ? '' : 'its policy has a rate limit, which has no effect yet';
}

interface InboundRoute {
  readonly metadata: Metadata | null;
  readonly hosts: readonly unknown[];
  readonly authorizations: readonly Authz[];
  readonly rules: readonly {
    readonly matches: readonly AnyMatch[];
    readonly filters: readonly AnyFilter[];
  }[];
}

/** One route is for everything; others may stand beside it that are for single paths, as probes. */
function judgeRoutes(routes: readonly InboundRoute[]): string | Routes {
  if (routes.length === 0) return 'its policy has no route';
  let whole: RouteAccess | null = null;
  const exceptions: PathAccess[] = [];
  for (const route of routes) {
    const { hosts, rules } = route;
    if (hosts.length > 0) return 'its route is for certain hosts, and matching has no effect yet';
    const filtered = judgeFilters(rules.flatMap(({ filters }) => filters));
    if (filtered !== '') return filtered;
    const access = {
      name: nameOf(route.metadata) ?? nameless,
      authorizations: readAuthorizations(route.authorizations),
    };
    const paths = rules.map(({ matches }) => readPaths(matches));
    if (rules.length === 1 && matchesAll(rules[0].matches)) {
      if (whole !== null) return 'its policy has several routes for all requests';
      whole = access;
    } else if (rules.length > 0 && paths.every((path) => path !== null)) {
      exceptions.push({ ...access, matches: paths.flat() });
    } else {
      return 'its route has matches, which have no effect yet';
    }
  }
  if (whole === null) return 'its policy has no route for all requests, which has no effect yet';
  return isUnclear(exceptions)
    ? 'its policy has several routes for a path, and choosing among them has no effect yet'
    : { route: whole, exceptions };
}

/** A path belongs to one route, so that no order matters. */
function isUnclear(exceptions: readonly PathAccess[]): boolean {
  const seen = new Set<string>();
  for (const { matches } of exceptions) {
    const paths = new Set(matches.map(({ path }) => path));
    for (const path of paths) {
      if (seen.has(path)) return true;
      seen.add(path);
    }
  }
  return false;
}

/** Null when a match asks for more than a path and a method. */
function readPaths(matches: readonly AnyMatch[]): PathAccess['matches'] | null {
  const paths: { method: string; path: string }[] = [];
  for (const match of matches) {
    if ('rpc' in match) return null;
    const { path, headers, queryParams } = match;
    const method = readMethod(match.method);
    if (path?.kind?.kind !== 'exact' || headers.length > 0 || queryParams.length > 0) return null;
    if (method === null) return null;
    paths.push({ method, path: path.kind.value });
  }
  return paths.length === 0 ? null : paths;
}

/** Empty for any; null for none that is known. */
function readMethod(method: HttpMethod | null): string | null {
  if (method === null) return '';
  const { type } = method;
  if (type?.kind === 'unregistered') return type.value === '' ? null : type.value;
  return type === null ? null : (registeredMethods[type.value] ?? null);
}

function readAuthorizations(authorizations: readonly Authz[]): Authorization[] {
  return authorizations.flatMap((authz) => {
    const proof = readProof(authz);
    const networks = authz.networks.flatMap(readNetwork);
    if (proof === null || networks.length === 0) return [];
    const name = nameOf(authz.metadata) ?? nameOfLabels(authz.labels, 'serverauthorization');
    return [{ name, networks, ...proof }];
  });
}

type Proof = Pick<Authorization, 'proof' | 'identities' | 'suffixes'>;

function readProof({ authentication }: Authz): Proof | null {
  const permit = authentication?.permit ?? null;
  if (permit?.kind === 'unauthenticated') return { proof: 'none', identities: [], suffixes: [] };
  const clients = permit?.value.clients ?? null;
  if (clients === null) return null;
  if (clients.kind === 'unauthenticated') return { proof: 'mesh', identities: [], suffixes: [] };
  const { identities, suffixes } = clients.value;
  return {
    proof: 'identity',
    identities: identities.map(({ name }) => name),
    suffixes: suffixes.map(({ parts }) => (parts.length === 0 ? '' : `.${parts.join('.')}`)),
  };
}

/** A network with an exception that is none is none: it could let in whom it keeps out. */
function readNetwork({ net, except }: NetworkMessage): Network[] {
  const text = networkText(net);
  const parts = except.map(networkText);
  return text === '' || parts.includes('') ? [] : [{ net: text, except: parts }];
}

function networkText(network: IPNetwork | null): string {
  const host = network === null ? null : hostOf(network.ip);
  if (network === null || host === null) return '';
  const lengthMax = host.includes(':') ? 128 : 32;
  return network.prefixLen > lengthMax ? '' : `${host}/${network.prefixLen}`;
}

function nameOf(metadata: Metadata | null): PolicyName | null {
  const kind = metadata?.kind ?? null;
  if (kind === null) return null;
  if (kind.kind === 'default') return { group: '', kind: 'default', name: kind.value };
  const { group, kind: kindName, name } = kind.value;
  return { group, kind: kindName, name };
}

/** As Linkerd reads what older control planes say. */
function nameOfLabels(labels: ReadonlyMap<string, string>, kind: string): PolicyName {
  const name = labels.get('name') ?? '';
  if (name.startsWith(defaultPrefix)) {
    return { group: '', kind: 'default', name: name.slice(defaultPrefix.length) };
  }
  const group = labels.get('group') ?? 'policy.linkerd.io';
  return { group, kind: labels.get('kind') ?? kind, name };
}

const nameless: PolicyName = { group: '', kind: 'default', name: 'default' };
const defaultPrefix = 'default:';
/** By the number that the API gives them. */
const registeredMethods: readonly string[] = [
  'GET',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'CONNECT',
  'HEAD',
  'TRACE',
];
