/** Made by tools/generate-api.ts from outbound.proto; not to be edited. */

import { type Malformed, Reader, type ReadLimits } from '../../wire/reader.ts';
import { Writer } from '../../wire/writer.ts';
import { readWeightedAddr, type WeightedAddr } from './destination.ts';
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
  type ResponseHeaderModifier,
  readHostMatch,
  readHttpFailureInjector,
  readHttpRouteMatch,
  readRequestHeaderModifier,
  readRequestRedirect,
  readResponseHeaderModifier,
  readTimeouts,
  type Timeouts,
} from './http-route.ts';
import { type Metadata, readMetadata } from './meta.ts';
import { type TcpAddress, writeTcpAddress } from './net.ts';
import { type Forbidden, type Invalid, readForbidden, readInvalid } from './opaque-route.ts';
import { readSniMatch, type SniMatch } from './tls-route.ts';

export function decodeOutboundPolicy(
  bytes: Uint8Array,
  limits: ReadLimits,
): OutboundPolicy | Malformed {
  const reader = new Reader(bytes, limits);
  const message = readOutboundPolicy(reader, null);
  return reader.problem ?? message;
}

export function encodeTrafficSpec(message: TrafficSpec): Uint8Array {
  const writer = new Writer();
  writeTrafficSpec(writer, message);
  return writer.finish();
}

export interface TrafficSpec {
  /** The workload as the control plane wrote it into the proxy's settings. */
  readonly sourceWorkload: string;
  readonly target:
    | { readonly kind: 'addr'; readonly value: TcpAddress }
    | { readonly kind: 'authority'; readonly value: string }
    | null;
  /** Fields from 1000 up are known to ours alone. Where the proxy's admin port listens. */
  readonly heddleAdmin: string;
  /** The proxy's version. */
  readonly heddleVersion: string;
}

export interface OutboundPolicy {
  readonly protocol: ProxyProtocol | null;
  readonly metadata: Metadata | null;
}

export interface ProxyProtocol {
  readonly kind:
    | { readonly kind: 'detect'; readonly value: ProxyProtocolDetect }
    | { readonly kind: 'opaque'; readonly value: ProxyProtocolOpaque }
    | { readonly kind: 'http1'; readonly value: ProxyProtocolHttp1 }
    | { readonly kind: 'http2'; readonly value: ProxyProtocolHttp2 }
    | { readonly kind: 'grpc'; readonly value: ProxyProtocolGrpc }
    | { readonly kind: 'tls'; readonly value: ProxyProtocolTls }
    | null;
}

/** What is done with each thing that may be detected. */
export interface ProxyProtocolDetect {
  readonly timeout: Duration | null;
  readonly opaque: ProxyProtocolOpaque | null;
  readonly http1: ProxyProtocolHttp1 | null;
  readonly http2: ProxyProtocolHttp2 | null;
  /** HTTP of any version and nothing else, without detection. Known to ours alone. */
  readonly heddleHttp: boolean;
}

export interface ProxyProtocolOpaque {
  readonly routes: readonly OpaqueRoute[];
}

export interface ProxyProtocolHttp1 {
  readonly routes: readonly HttpRoute[];
  readonly failureAccrual: FailureAccrual | null;
}

export interface ProxyProtocolHttp2 {
  readonly routes: readonly HttpRoute[];
  readonly failureAccrual: FailureAccrual | null;
}

export interface ProxyProtocolGrpc {
  readonly routes: readonly GrpcRoute[];
  readonly failureAccrual: FailureAccrual | null;
}

export interface ProxyProtocolTls {
  readonly routes: readonly TlsRoute[];
}

export interface HttpRoute {
  readonly metadata: Metadata | null;
  readonly hosts: readonly HostMatch[];
  readonly rules: readonly HttpRouteRule[];
}

export interface HttpRouteRule {
  readonly matches: readonly HttpRouteMatch[];
  readonly filters: readonly HttpRouteFilter[];
  readonly backends: HttpRouteDistribution | null;
  /** `timeouts` took its place. */
  readonly requestTimeout: Duration | null;
  readonly timeouts: Timeouts | null;
  readonly retry: HttpRouteRetry | null;
  /** A request may set retries and timeouts by its own fields. */
  readonly allowL5dRequestHeaders: boolean;
}

export interface HttpRouteFilter {
  readonly kind:
    | { readonly kind: 'failureInjector'; readonly value: HttpFailureInjector }
    | { readonly kind: 'requestHeaderModifier'; readonly value: RequestHeaderModifier }
    | { readonly kind: 'redirect'; readonly value: RequestRedirect }
    | { readonly kind: 'responseHeaderModifier'; readonly value: ResponseHeaderModifier }
    | null;
}

export interface HttpRouteDistribution {
  readonly kind:
    | { readonly kind: 'empty'; readonly value: HttpRouteDistributionEmpty }
    | { readonly kind: 'firstAvailable'; readonly value: HttpRouteDistributionFirstAvailable }
    | { readonly kind: 'randomAvailable'; readonly value: HttpRouteDistributionRandomAvailable }
    | null;
}

export type HttpRouteDistributionEmpty = Record<string, never>;

export interface HttpRouteDistributionFirstAvailable {
  readonly backends: readonly HttpRouteRouteBackend[];
}

export interface HttpRouteDistributionRandomAvailable {
  readonly backends: readonly HttpRouteWeightedRouteBackend[];
}

export interface HttpRouteRouteBackend {
  readonly backend: Backend | null;
  readonly filters: readonly HttpRouteFilter[];
  readonly requestTimeout: Duration | null;
}

export interface HttpRouteWeightedRouteBackend {
  readonly backend: HttpRouteRouteBackend | null;
  readonly weight: number;
}

export interface HttpRouteRetry {
  readonly maxRetries: number;
  /** A request with a larger body is sent once. */
  readonly maxRequestBytes: number;
  readonly conditions: HttpRouteRetryConditions | null;
  /** How long an attempt waits for a response's head before the next one begins. */
  readonly timeout: Duration | null;
  readonly backoff: ExponentialBackoff | null;
}

export interface HttpRouteRetryConditions {
  readonly statusRanges: readonly HttpRouteRetryConditionsStatusRange[];
}

/** Both ends belong to it. */
export interface HttpRouteRetryConditionsStatusRange {
  readonly start: number;
  readonly end: number;
}

export interface GrpcRoute {
  readonly metadata: Metadata | null;
  readonly hosts: readonly HostMatch[];
  readonly rules: readonly GrpcRouteRule[];
}

export interface GrpcRouteRule {
  readonly matches: readonly GrpcRouteMatch[];
  readonly filters: readonly GrpcRouteFilter[];
  readonly backends: GrpcRouteDistribution | null;
  readonly requestTimeout: Duration | null;
  readonly timeouts: Timeouts | null;
  readonly retry: GrpcRouteRetry | null;
  readonly allowL5dRequestHeaders: boolean;
}

export interface GrpcRouteFilter {
  readonly kind:
    | { readonly kind: 'failureInjector'; readonly value: GrpcFailureInjector }
    | { readonly kind: 'requestHeaderModifier'; readonly value: RequestHeaderModifier }
    | null;
}

export interface GrpcRouteDistribution {
  readonly kind:
    | { readonly kind: 'empty'; readonly value: GrpcRouteDistributionEmpty }
    | { readonly kind: 'firstAvailable'; readonly value: GrpcRouteDistributionFirstAvailable }
    | { readonly kind: 'randomAvailable'; readonly value: GrpcRouteDistributionRandomAvailable }
    | null;
}

export type GrpcRouteDistributionEmpty = Record<string, never>;

export interface GrpcRouteDistributionFirstAvailable {
  readonly backends: readonly GrpcRouteRouteBackend[];
}

export interface GrpcRouteDistributionRandomAvailable {
  readonly backends: readonly GrpcRouteWeightedRouteBackend[];
}

export interface GrpcRouteRouteBackend {
  readonly backend: Backend | null;
  readonly filters: readonly GrpcRouteFilter[];
  readonly requestTimeout: Duration | null;
}

export interface GrpcRouteWeightedRouteBackend {
  readonly backend: GrpcRouteRouteBackend | null;
  readonly weight: number;
}

export interface GrpcRouteRetry {
  readonly maxRetries: number;
  readonly maxRequestBytes: number;
  readonly conditions: GrpcRouteRetryConditions | null;
  readonly timeout: Duration | null;
  readonly backoff: ExponentialBackoff | null;
}

/** Numbered like the status codes of gRPC. */
export interface GrpcRouteRetryConditions {
  readonly cancelled: boolean;
  /** Spelled so by everyone who speaks this API in JSON. */
  readonly deadineExceeded: boolean;
  readonly resourceExhausted: boolean;
  readonly internal: boolean;
  readonly unavailable: boolean;
}

export interface OpaqueRoute {
  readonly metadata: Metadata | null;
  readonly rules: readonly OpaqueRouteRule[];
}

export interface OpaqueRouteRule {
  readonly backends: OpaqueRouteDistribution | null;
  readonly filters: readonly OpaqueRouteFilter[];
}

export interface OpaqueRouteFilter {
  readonly kind:
    | { readonly kind: 'invalid'; readonly value: Invalid }
    | { readonly kind: 'forbidden'; readonly value: Forbidden }
    | null;
}

export interface OpaqueRouteDistribution {
  readonly kind:
    | { readonly kind: 'empty'; readonly value: OpaqueRouteDistributionEmpty }
    | { readonly kind: 'firstAvailable'; readonly value: OpaqueRouteDistributionFirstAvailable }
    | { readonly kind: 'randomAvailable'; readonly value: OpaqueRouteDistributionRandomAvailable }
    | null;
}

export type OpaqueRouteDistributionEmpty = Record<string, never>;

export interface OpaqueRouteDistributionFirstAvailable {
  readonly backends: readonly OpaqueRouteRouteBackend[];
}

export interface OpaqueRouteDistributionRandomAvailable {
  readonly backends: readonly OpaqueRouteWeightedRouteBackend[];
}

export interface OpaqueRouteRouteBackend {
  readonly backend: Backend | null;
  readonly filters: readonly OpaqueRouteFilter[];
}

export interface OpaqueRouteWeightedRouteBackend {
  readonly backend: OpaqueRouteRouteBackend | null;
  readonly weight: number;
}

export interface TlsRoute {
  readonly metadata: Metadata | null;
  readonly snis: readonly SniMatch[];
  readonly rules: readonly TlsRouteRule[];
}

export interface TlsRouteRule {
  readonly backends: TlsRouteDistribution | null;
  readonly filters: readonly TlsRouteFilter[];
}

export interface TlsRouteFilter {
  readonly kind:
    | { readonly kind: 'invalid'; readonly value: Invalid }
    | { readonly kind: 'forbidden'; readonly value: Forbidden }
    | null;
}

export interface TlsRouteDistribution {
  readonly kind:
    | { readonly kind: 'empty'; readonly value: TlsRouteDistributionEmpty }
    | { readonly kind: 'firstAvailable'; readonly value: TlsRouteDistributionFirstAvailable }
    | { readonly kind: 'randomAvailable'; readonly value: TlsRouteDistributionRandomAvailable }
    | null;
}

export type TlsRouteDistributionEmpty = Record<string, never>;

export interface TlsRouteDistributionFirstAvailable {
  readonly backends: readonly TlsRouteRouteBackend[];
}

export interface TlsRouteDistributionRandomAvailable {
  readonly backends: readonly TlsRouteWeightedRouteBackend[];
}

export interface TlsRouteRouteBackend {
  readonly backend: Backend | null;
  readonly filters: readonly TlsRouteFilter[];
}

export interface TlsRouteWeightedRouteBackend {
  readonly backend: TlsRouteRouteBackend | null;
  readonly weight: number;
}

export interface Backend {
  readonly metadata: Metadata | null;
  readonly kind:
    | {
        /** The one endpoint. */
        readonly kind: 'forward';
        readonly value: WeightedAddr;
      }
    | { readonly kind: 'balancer'; readonly value: BackendBalanceP2c }
    | null;
  readonly queue: Queue | null;
}

export interface BackendEndpointDiscovery {
  readonly kind: {
    readonly kind: 'dst';
    readonly value: BackendEndpointDiscoveryDestinationGet;
  } | null;
}

/** Asked of the service Destination. */
export interface BackendEndpointDiscoveryDestinationGet {
  readonly path: string;
}

export interface BackendBalanceP2c {
  readonly discovery: BackendEndpointDiscovery | null;
  readonly load:
    | { readonly kind: 'peakEwma'; readonly value: BackendBalanceP2cPeakEwma }
    | { readonly kind: 'penaltyPeakEwma'; readonly value: BackendBalanceP2cPenaltyPeakEwma }
    | null;
}

export interface BackendBalanceP2cPeakEwma {
  /** What an endpoint starts with. */
  readonly defaultRtt: Duration | null;
  readonly decay: Duration | null;
}

/** Failures count as slow responses. */
export interface BackendBalanceP2cPenaltyPeakEwma {
  readonly defaultRtt: Duration | null;
  readonly decay: Duration | null;
  readonly penalty: Duration | null;
  readonly maxRetryAfter: Duration | null;
  readonly penaltyDecay: Duration | null;
}

export interface Queue {
  readonly capacity: number;
  /** After so long without a ready endpoint, requests are refused at once. */
  readonly failfastTimeout: Duration | null;
}

export interface FailureAccrual {
  readonly kind:
    | { readonly kind: 'consecutiveFailures'; readonly value: FailureAccrualConsecutiveFailures }
    | { readonly kind: 'unified'; readonly value: FailureAccrualUnified }
    | null;
  readonly ejection: EjectionConfig | null;
}

export interface FailureAccrualConsecutiveFailures {
  readonly maxFailures: number;
  /** How long the endpoint's gate stays shut. */
  readonly backoff: ExponentialBackoff | null;
}

export interface FailureAccrualUnified {
  readonly successRateThreshold: number;
  readonly decay: Duration | null;
  /** The rate is not judged before. */
  readonly minRequests: number;
  readonly maxConsecutiveFailures: number;
  readonly backoff: ExponentialBackoff | null;
}

export interface EjectionConfig {
  /** No gate is shut that would leave fewer. */
  readonly minReadyEndpoints: number;
}

export interface ExponentialBackoff {
  readonly minBackoff: Duration | null;
  readonly maxBackoff: Duration | null;
  readonly jitterRatio: number;
  readonly respectRetryAfterHint: boolean;
}

function readOutboundPolicy(reader: Reader, held: OutboundPolicy | null): OutboundPolicy {
  let protocol = held?.protocol ?? null;
  let metadata = held?.metadata ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        protocol = reader.message(readProxyProtocol, protocol);
        break;
      case 18:
        metadata = reader.message(readMetadata, metadata);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { protocol, metadata };
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
          kind: 'http1',
          value: reader.message(readProxyProtocolHttp1, kind?.kind === 'http1' ? kind.value : null),
        };
        break;
      case 34:
        kind = {
          kind: 'http2',
          value: reader.message(readProxyProtocolHttp2, kind?.kind === 'http2' ? kind.value : null),
        };
        break;
      case 42:
        kind = {
          kind: 'grpc',
          value: reader.message(readProxyProtocolGrpc, kind?.kind === 'grpc' ? kind.value : null),
        };
        break;
      case 50:
        kind = {
          kind: 'tls',
          value: reader.message(readProxyProtocolTls, kind?.kind === 'tls' ? kind.value : null),
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
  let opaque = held?.opaque ?? null;
  let http1 = held?.http1 ?? null;
  let http2 = held?.http2 ?? null;
  let heddleHttp = held?.heddleHttp ?? false;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        timeout = reader.message(readDuration, timeout);
        break;
      case 18:
        opaque = reader.message(readProxyProtocolOpaque, opaque);
        break;
      case 26:
        http1 = reader.message(readProxyProtocolHttp1, http1);
        break;
      case 34:
        http2 = reader.message(readProxyProtocolHttp2, http2);
        break;
      case 8080:
        heddleHttp = reader.bool();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { timeout, opaque, http1, http2, heddleHttp };
}

function readProxyProtocolOpaque(
  reader: Reader,
  held: ProxyProtocolOpaque | null,
): ProxyProtocolOpaque {
  const routes = (held?.routes ?? []) as OpaqueRoute[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(routes, readOpaqueRoute);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { routes };
}

function readProxyProtocolHttp1(
  reader: Reader,
  held: ProxyProtocolHttp1 | null,
): ProxyProtocolHttp1 {
  const routes = (held?.routes ?? []) as HttpRoute[];
  let failureAccrual = held?.failureAccrual ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(routes, readHttpRoute);
        break;
      case 18:
        failureAccrual = reader.message(readFailureAccrual, failureAccrual);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { routes, failureAccrual };
}

function readProxyProtocolHttp2(
  reader: Reader,
  held: ProxyProtocolHttp2 | null,
): ProxyProtocolHttp2 {
  const routes = (held?.routes ?? []) as HttpRoute[];
  let failureAccrual = held?.failureAccrual ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(routes, readHttpRoute);
        break;
      case 18:
        failureAccrual = reader.message(readFailureAccrual, failureAccrual);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { routes, failureAccrual };
}

function readProxyProtocolGrpc(reader: Reader, held: ProxyProtocolGrpc | null): ProxyProtocolGrpc {
  const routes = (held?.routes ?? []) as GrpcRoute[];
  let failureAccrual = held?.failureAccrual ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(routes, readGrpcRoute);
        break;
      case 18:
        failureAccrual = reader.message(readFailureAccrual, failureAccrual);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { routes, failureAccrual };
}

function readProxyProtocolTls(reader: Reader, held: ProxyProtocolTls | null): ProxyProtocolTls {
  const routes = (held?.routes ?? []) as TlsRoute[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(routes, readTlsRoute);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { routes };
}

function readHttpRoute(reader: Reader, held: HttpRoute | null): HttpRoute {
  let metadata = held?.metadata ?? null;
  const hosts = (held?.hosts ?? []) as HostMatch[];
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
        reader.append(rules, readHttpRouteRule);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { metadata, hosts, rules };
}

function readHttpRouteRule(reader: Reader, held: HttpRouteRule | null): HttpRouteRule {
  const matches = (held?.matches ?? []) as HttpRouteMatch[];
  const filters = (held?.filters ?? []) as HttpRouteFilter[];
  let backends = held?.backends ?? null;
  let requestTimeout = held?.requestTimeout ?? null;
  let timeouts = held?.timeouts ?? null;
  let retry = held?.retry ?? null;
  let allowL5dRequestHeaders = held?.allowL5dRequestHeaders ?? false;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(matches, readHttpRouteMatch);
        break;
      case 18:
        reader.append(filters, readHttpRouteFilter);
        break;
      case 26:
        backends = reader.message(readHttpRouteDistribution, backends);
        break;
      case 34:
        requestTimeout = reader.message(readDuration, requestTimeout);
        break;
      case 42:
        timeouts = reader.message(readTimeouts, timeouts);
        break;
      case 50:
        retry = reader.message(readHttpRouteRetry, retry);
        break;
      case 56:
        allowL5dRequestHeaders = reader.bool();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { matches, filters, backends, requestTimeout, timeouts, retry, allowL5dRequestHeaders };
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
      case 34:
        kind = {
          kind: 'responseHeaderModifier',
          value: reader.message(
            readResponseHeaderModifier,
            kind?.kind === 'responseHeaderModifier' ? kind.value : null,
          ),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { kind };
}

function readHttpRouteDistribution(
  reader: Reader,
  held: HttpRouteDistribution | null,
): HttpRouteDistribution {
  let kind: HttpRouteDistribution['kind'] = held?.kind ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        kind = {
          kind: 'empty',
          value: reader.message(
            readHttpRouteDistributionEmpty,
            kind?.kind === 'empty' ? kind.value : null,
          ),
        };
        break;
      case 18:
        kind = {
          kind: 'firstAvailable',
          value: reader.message(
            readHttpRouteDistributionFirstAvailable,
            kind?.kind === 'firstAvailable' ? kind.value : null,
          ),
        };
        break;
      case 26:
        kind = {
          kind: 'randomAvailable',
          value: reader.message(
            readHttpRouteDistributionRandomAvailable,
            kind?.kind === 'randomAvailable' ? kind.value : null,
          ),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { kind };
}

function readHttpRouteDistributionEmpty(reader: Reader): HttpRouteDistributionEmpty {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) reader.skip(tag);
  return {};
}

function readHttpRouteDistributionFirstAvailable(
  reader: Reader,
  held: HttpRouteDistributionFirstAvailable | null,
): HttpRouteDistributionFirstAvailable {
  const backends = (held?.backends ?? []) as HttpRouteRouteBackend[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(backends, readHttpRouteRouteBackend);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { backends };
}

function readHttpRouteDistributionRandomAvailable(
  reader: Reader,
  held: HttpRouteDistributionRandomAvailable | null,
): HttpRouteDistributionRandomAvailable {
  const backends = (held?.backends ?? []) as HttpRouteWeightedRouteBackend[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(backends, readHttpRouteWeightedRouteBackend);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { backends };
}

function readHttpRouteRouteBackend(
  reader: Reader,
  held: HttpRouteRouteBackend | null,
): HttpRouteRouteBackend {
  let backend = held?.backend ?? null;
  const filters = (held?.filters ?? []) as HttpRouteFilter[];
  let requestTimeout = held?.requestTimeout ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        backend = reader.message(readBackend, backend);
        break;
      case 26:
        reader.append(filters, readHttpRouteFilter);
        break;
      case 34:
        requestTimeout = reader.message(readDuration, requestTimeout);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { backend, filters, requestTimeout };
}

function readHttpRouteWeightedRouteBackend(
  reader: Reader,
  held: HttpRouteWeightedRouteBackend | null,
): HttpRouteWeightedRouteBackend {
  let backend = held?.backend ?? null;
  let weight = held?.weight ?? 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        backend = reader.message(readHttpRouteRouteBackend, backend);
        break;
      case 16:
        weight = reader.uint32();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { backend, weight };
}

function readHttpRouteRetry(reader: Reader, held: HttpRouteRetry | null): HttpRouteRetry {
  let maxRetries = held?.maxRetries ?? 0;
  let maxRequestBytes = held?.maxRequestBytes ?? 0;
  let conditions = held?.conditions ?? null;
  let timeout = held?.timeout ?? null;
  let backoff = held?.backoff ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        maxRetries = reader.uint32();
        break;
      case 16:
        maxRequestBytes = reader.uint32();
        break;
      case 26:
        conditions = reader.message(readHttpRouteRetryConditions, conditions);
        break;
      case 34:
        timeout = reader.message(readDuration, timeout);
        break;
      case 42:
        backoff = reader.message(readExponentialBackoff, backoff);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { maxRetries, maxRequestBytes, conditions, timeout, backoff };
}

function readHttpRouteRetryConditions(
  reader: Reader,
  held: HttpRouteRetryConditions | null,
): HttpRouteRetryConditions {
  const statusRanges = (held?.statusRanges ?? []) as HttpRouteRetryConditionsStatusRange[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(statusRanges, readHttpRouteRetryConditionsStatusRange);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { statusRanges };
}

function readHttpRouteRetryConditionsStatusRange(
  reader: Reader,
  held: HttpRouteRetryConditionsStatusRange | null,
): HttpRouteRetryConditionsStatusRange {
  let start = held?.start ?? 0;
  let end = held?.end ?? 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        start = reader.uint32();
        break;
      case 16:
        end = reader.uint32();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { start, end };
}

function readGrpcRoute(reader: Reader, held: GrpcRoute | null): GrpcRoute {
  let metadata = held?.metadata ?? null;
  const hosts = (held?.hosts ?? []) as HostMatch[];
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
        reader.append(rules, readGrpcRouteRule);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { metadata, hosts, rules };
}

function readGrpcRouteRule(reader: Reader, held: GrpcRouteRule | null): GrpcRouteRule {
  const matches = (held?.matches ?? []) as GrpcRouteMatch[];
  const filters = (held?.filters ?? []) as GrpcRouteFilter[];
  let backends = held?.backends ?? null;
  let requestTimeout = held?.requestTimeout ?? null;
  let timeouts = held?.timeouts ?? null;
  let retry = held?.retry ?? null;
  let allowL5dRequestHeaders = held?.allowL5dRequestHeaders ?? false;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(matches, readGrpcRouteMatch);
        break;
      case 18:
        reader.append(filters, readGrpcRouteFilter);
        break;
      case 26:
        backends = reader.message(readGrpcRouteDistribution, backends);
        break;
      case 34:
        requestTimeout = reader.message(readDuration, requestTimeout);
        break;
      case 42:
        timeouts = reader.message(readTimeouts, timeouts);
        break;
      case 50:
        retry = reader.message(readGrpcRouteRetry, retry);
        break;
      case 56:
        allowL5dRequestHeaders = reader.bool();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { matches, filters, backends, requestTimeout, timeouts, retry, allowL5dRequestHeaders };
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

function readGrpcRouteDistribution(
  reader: Reader,
  held: GrpcRouteDistribution | null,
): GrpcRouteDistribution {
  let kind: GrpcRouteDistribution['kind'] = held?.kind ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        kind = {
          kind: 'empty',
          value: reader.message(
            readGrpcRouteDistributionEmpty,
            kind?.kind === 'empty' ? kind.value : null,
          ),
        };
        break;
      case 18:
        kind = {
          kind: 'firstAvailable',
          value: reader.message(
            readGrpcRouteDistributionFirstAvailable,
            kind?.kind === 'firstAvailable' ? kind.value : null,
          ),
        };
        break;
      case 26:
        kind = {
          kind: 'randomAvailable',
          value: reader.message(
            readGrpcRouteDistributionRandomAvailable,
            kind?.kind === 'randomAvailable' ? kind.value : null,
          ),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { kind };
}

function readGrpcRouteDistributionEmpty(reader: Reader): GrpcRouteDistributionEmpty {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) reader.skip(tag);
  return {};
}

function readGrpcRouteDistributionFirstAvailable(
  reader: Reader,
  held: GrpcRouteDistributionFirstAvailable | null,
): GrpcRouteDistributionFirstAvailable {
  const backends = (held?.backends ?? []) as GrpcRouteRouteBackend[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(backends, readGrpcRouteRouteBackend);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { backends };
}

function readGrpcRouteDistributionRandomAvailable(
  reader: Reader,
  held: GrpcRouteDistributionRandomAvailable | null,
): GrpcRouteDistributionRandomAvailable {
  const backends = (held?.backends ?? []) as GrpcRouteWeightedRouteBackend[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(backends, readGrpcRouteWeightedRouteBackend);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { backends };
}

function readGrpcRouteRouteBackend(
  reader: Reader,
  held: GrpcRouteRouteBackend | null,
): GrpcRouteRouteBackend {
  let backend = held?.backend ?? null;
  const filters = (held?.filters ?? []) as GrpcRouteFilter[];
  let requestTimeout = held?.requestTimeout ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        backend = reader.message(readBackend, backend);
        break;
      case 26:
        reader.append(filters, readGrpcRouteFilter);
        break;
      case 34:
        requestTimeout = reader.message(readDuration, requestTimeout);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { backend, filters, requestTimeout };
}

function readGrpcRouteWeightedRouteBackend(
  reader: Reader,
  held: GrpcRouteWeightedRouteBackend | null,
): GrpcRouteWeightedRouteBackend {
  let backend = held?.backend ?? null;
  let weight = held?.weight ?? 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        backend = reader.message(readGrpcRouteRouteBackend, backend);
        break;
      case 16:
        weight = reader.uint32();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { backend, weight };
}

function readGrpcRouteRetry(reader: Reader, held: GrpcRouteRetry | null): GrpcRouteRetry {
  let maxRetries = held?.maxRetries ?? 0;
  let maxRequestBytes = held?.maxRequestBytes ?? 0;
  let conditions = held?.conditions ?? null;
  let timeout = held?.timeout ?? null;
  let backoff = held?.backoff ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        maxRetries = reader.uint32();
        break;
      case 16:
        maxRequestBytes = reader.uint32();
        break;
      case 26:
        conditions = reader.message(readGrpcRouteRetryConditions, conditions);
        break;
      case 34:
        timeout = reader.message(readDuration, timeout);
        break;
      case 42:
        backoff = reader.message(readExponentialBackoff, backoff);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { maxRetries, maxRequestBytes, conditions, timeout, backoff };
}

function readGrpcRouteRetryConditions(
  reader: Reader,
  held: GrpcRouteRetryConditions | null,
): GrpcRouteRetryConditions {
  let cancelled = held?.cancelled ?? false;
  let deadineExceeded = held?.deadineExceeded ?? false;
  let resourceExhausted = held?.resourceExhausted ?? false;
  let internal = held?.internal ?? false;
  let unavailable = held?.unavailable ?? false;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        cancelled = reader.bool();
        break;
      case 32:
        deadineExceeded = reader.bool();
        break;
      case 64:
        resourceExhausted = reader.bool();
        break;
      case 104:
        internal = reader.bool();
        break;
      case 112:
        unavailable = reader.bool();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { cancelled, deadineExceeded, resourceExhausted, internal, unavailable };
}

function readOpaqueRoute(reader: Reader, held: OpaqueRoute | null): OpaqueRoute {
  let metadata = held?.metadata ?? null;
  const rules = (held?.rules ?? []) as OpaqueRouteRule[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        metadata = reader.message(readMetadata, metadata);
        break;
      case 26:
        reader.append(rules, readOpaqueRouteRule);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { metadata, rules };
}

function readOpaqueRouteRule(reader: Reader, held: OpaqueRouteRule | null): OpaqueRouteRule {
  let backends = held?.backends ?? null;
  const filters = (held?.filters ?? []) as OpaqueRouteFilter[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        backends = reader.message(readOpaqueRouteDistribution, backends);
        break;
      case 18:
        reader.append(filters, readOpaqueRouteFilter);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { backends, filters };
}

function readOpaqueRouteFilter(reader: Reader, held: OpaqueRouteFilter | null): OpaqueRouteFilter {
  let kind: OpaqueRouteFilter['kind'] = held?.kind ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        kind = {
          kind: 'invalid',
          value: reader.message(readInvalid, kind?.kind === 'invalid' ? kind.value : null),
        };
        break;
      case 18:
        kind = {
          kind: 'forbidden',
          value: reader.message(readForbidden, kind?.kind === 'forbidden' ? kind.value : null),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { kind };
}

function readOpaqueRouteDistribution(
  reader: Reader,
  held: OpaqueRouteDistribution | null,
): OpaqueRouteDistribution {
  let kind: OpaqueRouteDistribution['kind'] = held?.kind ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        kind = {
          kind: 'empty',
          value: reader.message(
            readOpaqueRouteDistributionEmpty,
            kind?.kind === 'empty' ? kind.value : null,
          ),
        };
        break;
      case 18:
        kind = {
          kind: 'firstAvailable',
          value: reader.message(
            readOpaqueRouteDistributionFirstAvailable,
            kind?.kind === 'firstAvailable' ? kind.value : null,
          ),
        };
        break;
      case 26:
        kind = {
          kind: 'randomAvailable',
          value: reader.message(
            readOpaqueRouteDistributionRandomAvailable,
            kind?.kind === 'randomAvailable' ? kind.value : null,
          ),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { kind };
}

function readOpaqueRouteDistributionEmpty(reader: Reader): OpaqueRouteDistributionEmpty {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) reader.skip(tag);
  return {};
}

function readOpaqueRouteDistributionFirstAvailable(
  reader: Reader,
  held: OpaqueRouteDistributionFirstAvailable | null,
): OpaqueRouteDistributionFirstAvailable {
  const backends = (held?.backends ?? []) as OpaqueRouteRouteBackend[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(backends, readOpaqueRouteRouteBackend);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { backends };
}

function readOpaqueRouteDistributionRandomAvailable(
  reader: Reader,
  held: OpaqueRouteDistributionRandomAvailable | null,
): OpaqueRouteDistributionRandomAvailable {
  const backends = (held?.backends ?? []) as OpaqueRouteWeightedRouteBackend[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(backends, readOpaqueRouteWeightedRouteBackend);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { backends };
}

function readOpaqueRouteRouteBackend(
  reader: Reader,
  held: OpaqueRouteRouteBackend | null,
): OpaqueRouteRouteBackend {
  let backend = held?.backend ?? null;
  const filters = (held?.filters ?? []) as OpaqueRouteFilter[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        backend = reader.message(readBackend, backend);
        break;
      case 26:
        reader.append(filters, readOpaqueRouteFilter);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { backend, filters };
}

function readOpaqueRouteWeightedRouteBackend(
  reader: Reader,
  held: OpaqueRouteWeightedRouteBackend | null,
): OpaqueRouteWeightedRouteBackend {
  let backend = held?.backend ?? null;
  let weight = held?.weight ?? 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        backend = reader.message(readOpaqueRouteRouteBackend, backend);
        break;
      case 16:
        weight = reader.uint32();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { backend, weight };
}

function readTlsRoute(reader: Reader, held: TlsRoute | null): TlsRoute {
  let metadata = held?.metadata ?? null;
  const snis = (held?.snis ?? []) as SniMatch[];
  const rules = (held?.rules ?? []) as TlsRouteRule[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        metadata = reader.message(readMetadata, metadata);
        break;
      case 18:
        reader.append(snis, readSniMatch);
        break;
      case 26:
        reader.append(rules, readTlsRouteRule);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { metadata, snis, rules };
}

function readTlsRouteRule(reader: Reader, held: TlsRouteRule | null): TlsRouteRule {
  let backends = held?.backends ?? null;
  const filters = (held?.filters ?? []) as TlsRouteFilter[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        backends = reader.message(readTlsRouteDistribution, backends);
        break;
      case 18:
        reader.append(filters, readTlsRouteFilter);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { backends, filters };
}

function readTlsRouteFilter(reader: Reader, held: TlsRouteFilter | null): TlsRouteFilter {
  let kind: TlsRouteFilter['kind'] = held?.kind ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        kind = {
          kind: 'invalid',
          value: reader.message(readInvalid, kind?.kind === 'invalid' ? kind.value : null),
        };
        break;
      case 18:
        kind = {
          kind: 'forbidden',
          value: reader.message(readForbidden, kind?.kind === 'forbidden' ? kind.value : null),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { kind };
}

function readTlsRouteDistribution(
  reader: Reader,
  held: TlsRouteDistribution | null,
): TlsRouteDistribution {
  let kind: TlsRouteDistribution['kind'] = held?.kind ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        kind = {
          kind: 'empty',
          value: reader.message(
            readTlsRouteDistributionEmpty,
            kind?.kind === 'empty' ? kind.value : null,
          ),
        };
        break;
      case 18:
        kind = {
          kind: 'firstAvailable',
          value: reader.message(
            readTlsRouteDistributionFirstAvailable,
            kind?.kind === 'firstAvailable' ? kind.value : null,
          ),
        };
        break;
      case 26:
        kind = {
          kind: 'randomAvailable',
          value: reader.message(
            readTlsRouteDistributionRandomAvailable,
            kind?.kind === 'randomAvailable' ? kind.value : null,
          ),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { kind };
}

function readTlsRouteDistributionEmpty(reader: Reader): TlsRouteDistributionEmpty {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) reader.skip(tag);
  return {};
}

function readTlsRouteDistributionFirstAvailable(
  reader: Reader,
  held: TlsRouteDistributionFirstAvailable | null,
): TlsRouteDistributionFirstAvailable {
  const backends = (held?.backends ?? []) as TlsRouteRouteBackend[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(backends, readTlsRouteRouteBackend);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { backends };
}

function readTlsRouteDistributionRandomAvailable(
  reader: Reader,
  held: TlsRouteDistributionRandomAvailable | null,
): TlsRouteDistributionRandomAvailable {
  const backends = (held?.backends ?? []) as TlsRouteWeightedRouteBackend[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(backends, readTlsRouteWeightedRouteBackend);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { backends };
}

function readTlsRouteRouteBackend(
  reader: Reader,
  held: TlsRouteRouteBackend | null,
): TlsRouteRouteBackend {
  let backend = held?.backend ?? null;
  const filters = (held?.filters ?? []) as TlsRouteFilter[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        backend = reader.message(readBackend, backend);
        break;
      case 26:
        reader.append(filters, readTlsRouteFilter);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { backend, filters };
}

function readTlsRouteWeightedRouteBackend(
  reader: Reader,
  held: TlsRouteWeightedRouteBackend | null,
): TlsRouteWeightedRouteBackend {
  let backend = held?.backend ?? null;
  let weight = held?.weight ?? 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        backend = reader.message(readTlsRouteRouteBackend, backend);
        break;
      case 16:
        weight = reader.uint32();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { backend, weight };
}

function readBackend(reader: Reader, held: Backend | null): Backend {
  let metadata = held?.metadata ?? null;
  let kind: Backend['kind'] = held?.kind ?? null;
  let queue = held?.queue ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        metadata = reader.message(readMetadata, metadata);
        break;
      case 18:
        kind = {
          kind: 'forward',
          value: reader.message(readWeightedAddr, kind?.kind === 'forward' ? kind.value : null),
        };
        break;
      case 26:
        kind = {
          kind: 'balancer',
          value: reader.message(
            readBackendBalanceP2c,
            kind?.kind === 'balancer' ? kind.value : null,
          ),
        };
        break;
      case 34:
        queue = reader.message(readQueue, queue);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { metadata, kind, queue };
}

function readBackendEndpointDiscovery(
  reader: Reader,
  held: BackendEndpointDiscovery | null,
): BackendEndpointDiscovery {
  let kind: BackendEndpointDiscovery['kind'] = held?.kind ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        kind = {
          kind: 'dst',
          value: reader.message(
            readBackendEndpointDiscoveryDestinationGet,
            kind?.kind === 'dst' ? kind.value : null,
          ),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { kind };
}

function readBackendEndpointDiscoveryDestinationGet(
  reader: Reader,
  held: BackendEndpointDiscoveryDestinationGet | null,
): BackendEndpointDiscoveryDestinationGet {
  let path = held?.path ?? '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        path = reader.text();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { path };
}

function readBackendBalanceP2c(reader: Reader, held: BackendBalanceP2c | null): BackendBalanceP2c {
  let discovery = held?.discovery ?? null;
  let load: BackendBalanceP2c['load'] = held?.load ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        discovery = reader.message(readBackendEndpointDiscovery, discovery);
        break;
      case 18:
        load = {
          kind: 'peakEwma',
          value: reader.message(
            readBackendBalanceP2cPeakEwma,
            load?.kind === 'peakEwma' ? load.value : null,
          ),
        };
        break;
      case 26:
        load = {
          kind: 'penaltyPeakEwma',
          value: reader.message(
            readBackendBalanceP2cPenaltyPeakEwma,
            load?.kind === 'penaltyPeakEwma' ? load.value : null,
          ),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { discovery, load };
}

function readBackendBalanceP2cPeakEwma(
  reader: Reader,
  held: BackendBalanceP2cPeakEwma | null,
): BackendBalanceP2cPeakEwma {
  let defaultRtt = held?.defaultRtt ?? null;
  let decay = held?.decay ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        defaultRtt = reader.message(readDuration, defaultRtt);
        break;
      case 18:
        decay = reader.message(readDuration, decay);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { defaultRtt, decay };
}

function readBackendBalanceP2cPenaltyPeakEwma(
  reader: Reader,
  held: BackendBalanceP2cPenaltyPeakEwma | null,
): BackendBalanceP2cPenaltyPeakEwma {
  let defaultRtt = held?.defaultRtt ?? null;
  let decay = held?.decay ?? null;
  let penalty = held?.penalty ?? null;
  let maxRetryAfter = held?.maxRetryAfter ?? null;
  let penaltyDecay = held?.penaltyDecay ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        defaultRtt = reader.message(readDuration, defaultRtt);
        break;
      case 18:
        decay = reader.message(readDuration, decay);
        break;
      case 26:
        penalty = reader.message(readDuration, penalty);
        break;
      case 34:
        maxRetryAfter = reader.message(readDuration, maxRetryAfter);
        break;
      case 42:
        penaltyDecay = reader.message(readDuration, penaltyDecay);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { defaultRtt, decay, penalty, maxRetryAfter, penaltyDecay };
}

function readQueue(reader: Reader, held: Queue | null): Queue {
  let capacity = held?.capacity ?? 0;
  let failfastTimeout = held?.failfastTimeout ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        capacity = reader.uint32();
        break;
      case 18:
        failfastTimeout = reader.message(readDuration, failfastTimeout);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { capacity, failfastTimeout };
}

function readFailureAccrual(reader: Reader, held: FailureAccrual | null): FailureAccrual {
  let kind: FailureAccrual['kind'] = held?.kind ?? null;
  let ejection = held?.ejection ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        kind = {
          kind: 'consecutiveFailures',
          value: reader.message(
            readFailureAccrualConsecutiveFailures,
            kind?.kind === 'consecutiveFailures' ? kind.value : null,
          ),
        };
        break;
      case 18:
        kind = {
          kind: 'unified',
          value: reader.message(
            readFailureAccrualUnified,
            kind?.kind === 'unified' ? kind.value : null,
          ),
        };
        break;
      case 26:
        ejection = reader.message(readEjectionConfig, ejection);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { kind, ejection };
}

function readFailureAccrualConsecutiveFailures(
  reader: Reader,
  held: FailureAccrualConsecutiveFailures | null,
): FailureAccrualConsecutiveFailures {
  let maxFailures = held?.maxFailures ?? 0;
  let backoff = held?.backoff ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        maxFailures = reader.uint32();
        break;
      case 18:
        backoff = reader.message(readExponentialBackoff, backoff);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { maxFailures, backoff };
}

function readFailureAccrualUnified(
  reader: Reader,
  held: FailureAccrualUnified | null,
): FailureAccrualUnified {
  let successRateThreshold = held?.successRateThreshold ?? 0;
  let decay = held?.decay ?? null;
  let minRequests = held?.minRequests ?? 0;
  let maxConsecutiveFailures = held?.maxConsecutiveFailures ?? 0;
  let backoff = held?.backoff ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 9:
        successRateThreshold = reader.double();
        break;
      case 18:
        decay = reader.message(readDuration, decay);
        break;
      case 24:
        minRequests = reader.uint32();
        break;
      case 32:
        maxConsecutiveFailures = reader.uint32();
        break;
      case 42:
        backoff = reader.message(readExponentialBackoff, backoff);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { successRateThreshold, decay, minRequests, maxConsecutiveFailures, backoff };
}

function readEjectionConfig(reader: Reader, held: EjectionConfig | null): EjectionConfig {
  let minReadyEndpoints = held?.minReadyEndpoints ?? 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        minReadyEndpoints = reader.uint32();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { minReadyEndpoints };
}

function readExponentialBackoff(
  reader: Reader,
  held: ExponentialBackoff | null,
): ExponentialBackoff {
  let minBackoff = held?.minBackoff ?? null;
  let maxBackoff = held?.maxBackoff ?? null;
  let jitterRatio = held?.jitterRatio ?? 0;
  let respectRetryAfterHint = held?.respectRetryAfterHint ?? false;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        minBackoff = reader.message(readDuration, minBackoff);
        break;
      case 18:
        maxBackoff = reader.message(readDuration, maxBackoff);
        break;
      case 29:
        jitterRatio = reader.float();
        break;
      case 32:
        respectRetryAfterHint = reader.bool();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { minBackoff, maxBackoff, jitterRatio, respectRetryAfterHint };
}

function writeTrafficSpec(writer: Writer, message: TrafficSpec): void {
  if (message.heddleVersion !== '') writer.text(1011, message.heddleVersion);
  if (message.heddleAdmin !== '') writer.text(1010, message.heddleAdmin);
  if (message.target?.kind === 'authority') writer.text(3, message.target.value);
  if (message.target?.kind === 'addr') writer.message(2, writeTcpAddress, message.target.value);
  if (message.sourceWorkload !== '') writer.text(1, message.sourceWorkload);
}
