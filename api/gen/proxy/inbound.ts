/** Made by tools/generate-api.ts from inbound.proto; not to be edited. */

import { type Malformed, Reader, type ReadLimits } from '../../wire/reader.ts';
import { Writer } from '../../wire/writer.ts';
import { type Duration, readDuration } from './duration.ts';
import {
  type GrpcFailureInjector,
  type GrpcRouteMatch,
  readGrpcFailureInjector,
  readGrpcRouteMatch,
} from './grpc-route.ts';
import {
  type HostMatch,
  type HttpFailureInjector,
  type HttpRouteMatch,
  type RequestHeaderModifier,
  type RequestRedirect,
  readHostMatch,
  readHttpFailureInjector,
  readHttpRouteMatch,
  readRequestHeaderModifier,
  readRequestRedirect,
} from './http-route.ts';
import { type Metadata, readMetadata } from './meta.ts';
import { type IPAddress, type IPNetwork, readIPAddress, readIPNetwork } from './net.ts';

export function decodeServer(bytes: Uint8Array, limits: ReadLimits): Server | Malformed {
  const reader = new Reader(bytes, limits);
  const message = readServer(reader, null);
  return reader.problem ?? message;
}

export function encodePortSpec(message: PortSpec): Uint8Array {
  const writer = new Writer();
  writePortSpec(writer, message);
  return writer.finish();
}

export interface PortSpec {
  /** The workload as the control plane wrote it into the proxy's settings. */
  readonly workload: string;
  readonly port: number;
  /** Fields from 1000 up are known to ours alone. Where the proxy's admin port listens. */
  readonly heddleAdmin: string;
  /** The proxy's version. */
  readonly heddleVersion: string;
}

export interface Server {
  readonly protocol: ProxyProtocol | null;
  /** The addresses of the workload; empty: any. */
  readonly serverIps: readonly IPAddress[];
  /** One that fits is enough; for HTTP, those of the route come before. */
  readonly authorizations: readonly Authz[];
  readonly labels: ReadonlyMap<string, string>;
}

export interface ProxyProtocol {
  readonly kind:
    | { readonly kind: 'detect'; readonly value: ProxyProtocolDetect }
    | { readonly kind: 'opaque'; readonly value: ProxyProtocolOpaque }
    | { readonly kind: 'tls'; readonly value: ProxyProtocolTls }
    | { readonly kind: 'http1'; readonly value: ProxyProtocolHttp1 }
    | { readonly kind: 'http2'; readonly value: ProxyProtocolHttp2 }
    | { readonly kind: 'grpc'; readonly value: ProxyProtocolGrpc }
    | null;
}

export interface ProxyProtocolDetect {
  readonly timeout: Duration | null;
  readonly httpRoutes: readonly HttpRoute[];
  readonly httpLocalRateLimit: HttpLocalRateLimit | null;
}

export type ProxyProtocolOpaque = Record<string, never>;

/** The application's own TLS, passed on as it is. */
export type ProxyProtocolTls = Record<string, never>;

export interface ProxyProtocolHttp1 {
  readonly routes: readonly HttpRoute[];
  readonly localRateLimit: HttpLocalRateLimit | null;
}

export interface ProxyProtocolHttp2 {
  readonly routes: readonly HttpRoute[];
  readonly localRateLimit: HttpLocalRateLimit | null;
}

export interface ProxyProtocolGrpc {
  readonly routes: readonly GrpcRoute[];
}

/** Lets in whoever comes from one of the networks and proves what is asked. */
export interface Authz {
  readonly networks: readonly Network[];
  readonly authentication: Authn | null;
  readonly labels: ReadonlyMap<string, string>;
  readonly metadata: Metadata | null;
}

export interface Network {
  readonly net: IPNetwork | null;
  readonly except: readonly IPNetwork[];
}

export interface Authn {
  readonly permit:
    | { readonly kind: 'unauthenticated'; readonly value: AuthnPermitUnauthenticated }
    | { readonly kind: 'meshTLS'; readonly value: AuthnPermitMeshTLS }
    | null;
}

export type AuthnPermitUnauthenticated = Record<string, never>;

export interface AuthnPermitMeshTLS {
  readonly clients:
    | {
        /** Any meshed client, even without an identity. */
        readonly kind: 'unauthenticated';
        readonly value: AuthnPermitUnauthenticated;
      }
    | { readonly kind: 'identities'; readonly value: AuthnPermitMeshTLSPermitClientIdentities }
    | null;
}

export interface AuthnPermitMeshTLSPermitClientIdentities {
  readonly identities: readonly Identity[];
  readonly suffixes: readonly IdentitySuffix[];
}

export interface Identity {
  readonly name: string;
}

export interface IdentitySuffix {
  /** The labels of the suffix from left to right; none: every identity. */
  readonly parts: readonly string[];
}

export interface HttpRoute {
  readonly metadata: Metadata | null;
  readonly hosts: readonly HostMatch[];
  readonly authorizations: readonly Authz[];
  readonly rules: readonly HttpRouteRule[];
}

export interface HttpRouteRule {
  readonly matches: readonly HttpRouteMatch[];
  readonly filters: readonly HttpRouteFilter[];
}

export interface HttpRouteFilter {
  readonly kind:
    | { readonly kind: 'failureInjector'; readonly value: HttpFailureInjector }
    | { readonly kind: 'requestHeaderModifier'; readonly value: RequestHeaderModifier }
    | { readonly kind: 'redirect'; readonly value: RequestRedirect }
    | null;
}

export interface GrpcRoute {
  readonly metadata: Metadata | null;
  readonly hosts: readonly HostMatch[];
  readonly authorizations: readonly Authz[];
  readonly rules: readonly GrpcRouteRule[];
}

export interface GrpcRouteRule {
  readonly matches: readonly GrpcRouteMatch[];
  readonly filters: readonly GrpcRouteFilter[];
}

export interface GrpcRouteFilter {
  readonly kind:
    | { readonly kind: 'failureInjector'; readonly value: GrpcFailureInjector }
    | { readonly kind: 'requestHeaderModifier'; readonly value: RequestHeaderModifier }
    | null;
}

export interface HttpLocalRateLimit {
  readonly metadata: Metadata | null;
  /** Of all clients together. */
  readonly total: HttpLocalRateLimitLimit | null;
  /** Of each client by itself. */
  readonly identity: HttpLocalRateLimitLimit | null;
  /** For the clients that they name, in place of `identity`. */
  readonly overrides: readonly HttpLocalRateLimitOverride[];
}

export interface HttpLocalRateLimitLimit {
  readonly requestsPerSecond: number;
}

export interface HttpLocalRateLimitOverride {
  readonly limit: HttpLocalRateLimitLimit | null;
  readonly clients: HttpLocalRateLimitOverrideClientIdentities | null;
}

export interface HttpLocalRateLimitOverrideClientIdentities {
  readonly identities: readonly Identity[];
}

function readServer(reader: Reader, held: Server | null): Server {
  let protocol = held?.protocol ?? null;
  const serverIps = (held?.serverIps ?? []) as IPAddress[];
  const authorizations = (held?.authorizations ?? []) as Authz[];
  const labels = (held?.labels ?? new Map()) as Map<string, string>;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        protocol = reader.message(readProxyProtocol, protocol);
        break;
      case 18:
        reader.append(serverIps, readIPAddress);
        break;
      case 26:
        reader.append(authorizations, readAuthz);
        break;
      case 34:
        reader.textEntry(labels);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { protocol, serverIps, authorizations, labels };
}

function readProxyProtocol(reader: Reader, held: ProxyProtocol | null): ProxyProtocol {
  let kind: ProxyProtocol['kind'] = held?.kind ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        kind = {
          kind: 'detect',
          value: reader.message(
            readProxyProtocolDetect,
            kind?.kind === 'detect' ? kind.value : null,
          ),
        };
        break;
      case 18:
        kind = {
          kind: 'opaque',
          value: reader.message(
            readProxyProtocolOpaque,
            kind?.kind === 'opaque' ? kind.value : null,
          ),
        };
        break;
      case 26:
        kind = {
          kind: 'tls',
          value: reader.message(readProxyProtocolTls, kind?.kind === 'tls' ? kind.value : null),
        };
        break;
      case 34:
        kind = {
          kind: 'http1',
          value: reader.message(readProxyProtocolHttp1, kind?.kind === 'http1' ? kind.value : null),
        };
        break;
      case 42:
        kind = {
          kind: 'http2',
          value: reader.message(readProxyProtocolHttp2, kind?.kind === 'http2' ? kind.value : null),
        };
        break;
      case 50:
        kind = {
          kind: 'grpc',
          value: reader.message(readProxyProtocolGrpc, kind?.kind === 'grpc' ? kind.value : null),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { kind };
}

function readProxyProtocolDetect(
  reader: Reader,
  held: ProxyProtocolDetect | null,
): ProxyProtocolDetect {
  let timeout = held?.timeout ?? null;
  const httpRoutes = (held?.httpRoutes ?? []) as HttpRoute[];
  let httpLocalRateLimit = held?.httpLocalRateLimit ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        timeout = reader.message(readDuration, timeout);
        break;
      case 26:
        reader.append(httpRoutes, readHttpRoute);
        break;
      case 34:
        httpLocalRateLimit = reader.message(readHttpLocalRateLimit, httpLocalRateLimit);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { timeout, httpRoutes, httpLocalRateLimit };
}

function readProxyProtocolOpaque(reader: Reader): ProxyProtocolOpaque {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) reader.skip(tag);
  return {};
}

function readProxyProtocolTls(reader: Reader): ProxyProtocolTls {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) reader.skip(tag);
  return {};
}

function readProxyProtocolHttp1(
  reader: Reader,
  held: ProxyProtocolHttp1 | null,
): ProxyProtocolHttp1 {
  const routes = (held?.routes ?? []) as HttpRoute[];
  let localRateLimit = held?.localRateLimit ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 18:
        reader.append(routes, readHttpRoute);
        break;
      case 26:
        localRateLimit = reader.message(readHttpLocalRateLimit, localRateLimit);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { routes, localRateLimit };
}

function readProxyProtocolHttp2(
  reader: Reader,
  held: ProxyProtocolHttp2 | null,
): ProxyProtocolHttp2 {
  const routes = (held?.routes ?? []) as HttpRoute[];
  let localRateLimit = held?.localRateLimit ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 18:
        reader.append(routes, readHttpRoute);
        break;
      case 26:
        localRateLimit = reader.message(readHttpLocalRateLimit, localRateLimit);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { routes, localRateLimit };
}

function readProxyProtocolGrpc(reader: Reader, held: ProxyProtocolGrpc | null): ProxyProtocolGrpc {
  const routes = (held?.routes ?? []) as GrpcRoute[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 18:
        reader.append(routes, readGrpcRoute);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { routes };
}

function readAuthz(reader: Reader, held: Authz | null): Authz {
  const networks = (held?.networks ?? []) as Network[];
  let authentication = held?.authentication ?? null;
  const labels = (held?.labels ?? new Map()) as Map<string, string>;
  let metadata = held?.metadata ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(networks, readNetwork);
        break;
      case 18:
        authentication = reader.message(readAuthn, authentication);
        break;
      case 26:
        reader.textEntry(labels);
        break;
      case 34:
        metadata = reader.message(readMetadata, metadata);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { networks, authentication, labels, metadata };
}

function readNetwork(reader: Reader, held: Network | null): Network {
  let net = held?.net ?? null;
  const except = (held?.except ?? []) as IPNetwork[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        net = reader.message(readIPNetwork, net);
        break;
      case 18:
        reader.append(except, readIPNetwork);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { net, except };
}

function readAuthn(reader: Reader, held: Authn | null): Authn {
  let permit: Authn['permit'] = held?.permit ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        permit = {
          kind: 'unauthenticated',
          value: reader.message(
            readAuthnPermitUnauthenticated,
            permit?.kind === 'unauthenticated' ? permit.value : null,
          ),
        };
        break;
      case 18:
        permit = {
          kind: 'meshTLS',
          value: reader.message(
            readAuthnPermitMeshTLS,
            permit?.kind === 'meshTLS' ? permit.value : null,
          ),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { permit };
}

function readAuthnPermitUnauthenticated(reader: Reader): AuthnPermitUnauthenticated {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) reader.skip(tag);
  return {};
}

function readAuthnPermitMeshTLS(
  reader: Reader,
  held: AuthnPermitMeshTLS | null,
): AuthnPermitMeshTLS {
  let clients: AuthnPermitMeshTLS['clients'] = held?.clients ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        clients = {
          kind: 'unauthenticated',
          value: reader.message(
            readAuthnPermitUnauthenticated,
            clients?.kind === 'unauthenticated' ? clients.value : null,
          ),
        };
        break;
      case 18:
        clients = {
          kind: 'identities',
          value: reader.message(
            readAuthnPermitMeshTLSPermitClientIdentities,
            clients?.kind === 'identities' ? clients.value : null,
          ),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { clients };
}

function readAuthnPermitMeshTLSPermitClientIdentities(
  reader: Reader,
  held: AuthnPermitMeshTLSPermitClientIdentities | null,
): AuthnPermitMeshTLSPermitClientIdentities {
  const identities = (held?.identities ?? []) as Identity[];
  const suffixes = (held?.suffixes ?? []) as IdentitySuffix[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(identities, readIdentity);
        break;
      case 18:
        reader.append(suffixes, readIdentitySuffix);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { identities, suffixes };
}

function readIdentity(reader: Reader, held: Identity | null): Identity {
  let name = held?.name ?? '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        name = reader.text();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { name };
}

function readIdentitySuffix(reader: Reader, held: IdentitySuffix | null): IdentitySuffix {
  const parts = (held?.parts ?? []) as string[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.appendText(parts);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { parts };
}

function readHttpRoute(reader: Reader, held: HttpRoute | null): HttpRoute {
  let metadata = held?.metadata ?? null;
  const hosts = (held?.hosts ?? []) as HostMatch[];
  const authorizations = (held?.authorizations ?? []) as Authz[];
  const rules = (held?.rules ?? []) as HttpRouteRule[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        metadata = reader.message(readMetadata, metadata);
        break;
      case 18:
        reader.append(hosts, readHostMatch);
        break;
      case 26:
        reader.append(authorizations, readAuthz);
        break;
      case 34:
        reader.append(rules, readHttpRouteRule);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { metadata, hosts, authorizations, rules };
}

function readHttpRouteRule(reader: Reader, held: HttpRouteRule | null): HttpRouteRule {
  const matches = (held?.matches ?? []) as HttpRouteMatch[];
  const filters = (held?.filters ?? []) as HttpRouteFilter[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(matches, readHttpRouteMatch);
        break;
      case 18:
        reader.append(filters, readHttpRouteFilter);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { matches, filters };
}

function readHttpRouteFilter(reader: Reader, held: HttpRouteFilter | null): HttpRouteFilter {
  let kind: HttpRouteFilter['kind'] = held?.kind ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        kind = {
          kind: 'failureInjector',
          value: reader.message(
            readHttpFailureInjector,
            kind?.kind === 'failureInjector' ? kind.value : null,
          ),
        };
        break;
      case 18:
        kind = {
          kind: 'requestHeaderModifier',
          value: reader.message(
            readRequestHeaderModifier,
            kind?.kind === 'requestHeaderModifier' ? kind.value : null,
          ),
        };
        break;
      case 26:
        kind = {
          kind: 'redirect',
          value: reader.message(readRequestRedirect, kind?.kind === 'redirect' ? kind.value : null),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { kind };
}

function readGrpcRoute(reader: Reader, held: GrpcRoute | null): GrpcRoute {
  let metadata = held?.metadata ?? null;
  const hosts = (held?.hosts ?? []) as HostMatch[];
  const authorizations = (held?.authorizations ?? []) as Authz[];
  const rules = (held?.rules ?? []) as GrpcRouteRule[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        metadata = reader.message(readMetadata, metadata);
        break;
      case 18:
        reader.append(hosts, readHostMatch);
        break;
      case 26:
        reader.append(authorizations, readAuthz);
        break;
      case 34:
        reader.append(rules, readGrpcRouteRule);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { metadata, hosts, authorizations, rules };
}

function readGrpcRouteRule(reader: Reader, held: GrpcRouteRule | null): GrpcRouteRule {
  const matches = (held?.matches ?? []) as GrpcRouteMatch[];
  const filters = (held?.filters ?? []) as GrpcRouteFilter[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(matches, readGrpcRouteMatch);
        break;
      case 18:
        reader.append(filters, readGrpcRouteFilter);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { matches, filters };
}

function readGrpcRouteFilter(reader: Reader, held: GrpcRouteFilter | null): GrpcRouteFilter {
  let kind: GrpcRouteFilter['kind'] = held?.kind ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        kind = {
          kind: 'failureInjector',
          value: reader.message(
            readGrpcFailureInjector,
            kind?.kind === 'failureInjector' ? kind.value : null,
          ),
        };
        break;
      case 18:
        kind = {
          kind: 'requestHeaderModifier',
          value: reader.message(
            readRequestHeaderModifier,
            kind?.kind === 'requestHeaderModifier' ? kind.value : null,
          ),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { kind };
}

function readHttpLocalRateLimit(
  reader: Reader,
  held: HttpLocalRateLimit | null,
): HttpLocalRateLimit {
  let metadata = held?.metadata ?? null;
  let total = held?.total ?? null;
  let identity = held?.identity ?? null;
  const overrides = (held?.overrides ?? []) as HttpLocalRateLimitOverride[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        metadata = reader.message(readMetadata, metadata);
        break;
      case 18:
        total = reader.message(readHttpLocalRateLimitLimit, total);
        break;
      case 26:
        identity = reader.message(readHttpLocalRateLimitLimit, identity);
        break;
      case 34:
        reader.append(overrides, readHttpLocalRateLimitOverride);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { metadata, total, identity, overrides };
}

function readHttpLocalRateLimitLimit(
  reader: Reader,
  held: HttpLocalRateLimitLimit | null,
): HttpLocalRateLimitLimit {
  let requestsPerSecond = held?.requestsPerSecond ?? 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        requestsPerSecond = reader.uint32();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { requestsPerSecond };
}

function readHttpLocalRateLimitOverride(
  reader: Reader,
  held: HttpLocalRateLimitOverride | null,
): HttpLocalRateLimitOverride {
  let limit = held?.limit ?? null;
  let clients = held?.clients ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        limit = reader.message(readHttpLocalRateLimitLimit, limit);
        break;
      case 18:
        clients = reader.message(readHttpLocalRateLimitOverrideClientIdentities, clients);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { limit, clients };
}

function readHttpLocalRateLimitOverrideClientIdentities(
  reader: Reader,
  held: HttpLocalRateLimitOverrideClientIdentities | null,
): HttpLocalRateLimitOverrideClientIdentities {
  const identities = (held?.identities ?? []) as Identity[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(identities, readIdentity);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { identities };
}

function writePortSpec(writer: Writer, message: PortSpec): void {
  if (message.heddleVersion !== '') writer.text(1011, message.heddleVersion);
  if (message.heddleAdmin !== '') writer.text(1010, message.heddleAdmin);
  if (message.port !== 0) writer.uint32(2, message.port);
  if (message.workload !== '') writer.text(1, message.workload);
}
