/** Made by tools/generate-api.ts from destination.proto; not to be edited. */

import { type Malformed, Reader, type ReadLimits } from '../../wire/reader.ts';
import { Writer } from '../../wire/writer.ts';
import { type Duration, readDuration } from './duration.ts';
import { type HttpMethod, readHttpMethod } from './http-types.ts';
import { type Metadata, readMetadata } from './meta.ts';
import { readTcpAddress, type TcpAddress } from './net.ts';

export function decodeUpdate(bytes: Uint8Array, limits: ReadLimits): Update | Malformed {
  const reader = new Reader(bytes, limits);
  const message = readUpdate(reader, null);
  return reader.problem ?? message;
}

export function decodeDestinationProfile(
  bytes: Uint8Array,
  limits: ReadLimits,
): DestinationProfile | Malformed {
  const reader = new Reader(bytes, limits);
  const message = readDestinationProfile(reader, null);
  return reader.problem ?? message;
}

export function encodeGetDestination(message: GetDestination): Uint8Array {
  const writer = new Writer();
  writeGetDestination(writer, message);
  return writer.finish();
}

export interface GetDestination {
  /** Left empty. */
  readonly scheme: string;
  /** `name:port`; for profiles also `address:port`. */
  readonly path: string;
  /** The caller as the control plane wrote it into the proxy's settings. */
  readonly contextToken: string;
}

export interface Update {
  readonly update:
    | {
        /** New endpoints, and known ones with other properties. */
        readonly kind: 'add';
        readonly value: WeightedAddrSet;
      }
    | { readonly kind: 'remove'; readonly value: AddrSet }
    | {
        /** The set is empty, because there is no such service or it has no endpoints. */
        readonly kind: 'noEndpoints';
        readonly value: NoEndpoints;
      }
    | null;
}

export interface AddrSet {
  readonly addrs: readonly TcpAddress[];
}

export interface WeightedAddrSet {
  readonly addrs: readonly WeightedAddr[];
  /** Of the service; each endpoint adds its own. */
  readonly metricLabels: ReadonlyMap<string, string>;
}

export interface NoEndpoints {
  /** The service exists. */
  readonly exists: boolean;
}

/** An endpoint. */
export interface WeightedAddr {
  readonly addr: TcpAddress | null;
  /** Relative to the other endpoints; 10000 is usual. */
  readonly weight: number;
  readonly metricLabels: ReadonlyMap<string, string>;
  /** Absent: it is spoken to in plain text. */
  readonly tlsIdentity: TlsIdentity | null;
  readonly protocolHint: ProtocolHint | null;
  readonly authorityOverride: AuthorityOverride | null;
  readonly http2: Http2ClientParams | null;
  readonly resourceRef: Metadata | null;
}

/** Who a meshed endpoint must prove to be. */
export interface TlsIdentity {
  readonly strategy:
    | { readonly kind: 'dnsLikeIdentity'; readonly value: TlsIdentityDnsLikeIdentity }
    | { readonly kind: 'uriLikeIdentity'; readonly value: TlsIdentityUriLikeIdentity }
    | null;
  /** For SNI, where it differs from the identity. */
  readonly serverName: TlsIdentityDnsLikeIdentity | null;
}

export interface TlsIdentityDnsLikeIdentity {
  readonly name: string;
}

/** A SPIFFE ID. */
export interface TlsIdentityUriLikeIdentity {
  readonly uri: string;
}

/** What the endpoint's proxy understands. */
export interface ProtocolHint {
  readonly protocol:
    | {
        /** HTTP/1.1 may be sent to it as HTTP/2. */
        readonly kind: 'h2';
        readonly value: ProtocolHintH2;
      }
    | {
        /** Its bytes are not to be looked at. */
        readonly kind: 'opaque';
        readonly value: ProtocolHintOpaque;
      }
    | null;
  /** It takes connections with a transport header. */
  readonly opaqueTransport: ProtocolHintOpaqueTransport | null;
}

export type ProtocolHintH2 = Record<string, never>;

export type ProtocolHintOpaque = Record<string, never>;

export interface ProtocolHintOpaqueTransport {
  /** Where its proxy listens. */
  readonly inboundPort: number;
}

export interface AuthorityOverride {
  /** Put in place of the request's authority. */
  readonly authorityOverride: string;
}

export interface Http2ClientParams {
  readonly flowControl: Http2ClientParamsFlowControl | null;
  readonly keepAlive: Http2ClientParamsKeepAlive | null;
  readonly internals: Http2ClientParamsInternals | null;
}

export interface Http2ClientParamsFlowControl {
  readonly initialConnectionWindowSize: number;
  readonly initialStreamWindowSize: number;
  readonly adaptiveFlowControl: boolean;
}

export interface Http2ClientParamsKeepAlive {
  readonly interval: Duration | null;
  readonly timeout: Duration | null;
  /** Also when no stream is open. */
  readonly whileIdle: boolean;
}

export interface Http2ClientParamsInternals {
  readonly maxConcurrentResetStreams: number;
  readonly maxFrameSize: number;
  readonly maxSendBufSize: number;
}

export interface DestinationProfile {
  /** The first whose condition matches is taken. */
  readonly routes: readonly Route[];
  readonly retryBudget: RetryBudget | null;
  /** A traffic split; empty: all goes to the name itself. */
  readonly dstOverrides: readonly WeightedDst[];
  readonly opaqueProtocol: boolean;
  /** Empty when an address was asked for that belongs to no service. */
  readonly fullyQualifiedName: string;
  /** The one endpoint, when its own address was asked for. */
  readonly endpoint: WeightedAddr | null;
  readonly parentRef: Metadata | null;
  readonly profileRef: Metadata | null;
}

export interface Route {
  readonly condition: RequestMatch | null;
  /** The first whose condition matches says whether a response is a failure. */
  readonly responseClasses: readonly ResponseClass[];
  readonly metricsLabels: ReadonlyMap<string, string>;
  readonly isRetryable: boolean;
  readonly timeout: Duration | null;
}

export interface RetryBudget {
  /** Retries that each request pays for. */
  readonly retryRatio: number;
  /** Free ones, so that a quiet target can be tried again too. */
  readonly minRetriesPerSecond: number;
  /** How long requests count. */
  readonly ttl: Duration | null;
}

export interface ResponseClass {
  readonly condition: ResponseMatch | null;
  readonly isFailure: boolean;
}

export interface RequestMatch {
  readonly match:
    | { readonly kind: 'all'; readonly value: RequestMatchSeq }
    | { readonly kind: 'any'; readonly value: RequestMatchSeq }
    | { readonly kind: 'not'; readonly value: RequestMatch }
    | { readonly kind: 'path'; readonly value: PathMatch }
    | { readonly kind: 'method'; readonly value: HttpMethod }
    | null;
}

export interface RequestMatchSeq {
  readonly matches: readonly RequestMatch[];
}

export interface PathMatch {
  /** Has to match the whole path. */
  readonly regex: string;
}

export interface ResponseMatch {
  readonly match:
    | { readonly kind: 'all'; readonly value: ResponseMatchSeq }
    | { readonly kind: 'any'; readonly value: ResponseMatchSeq }
    | { readonly kind: 'not'; readonly value: ResponseMatch }
    | { readonly kind: 'status'; readonly value: HttpStatusRange }
    | null;
}

export interface ResponseMatchSeq {
  readonly matches: readonly ResponseMatch[];
}

/** Both ends belong to it. */
export interface HttpStatusRange {
  readonly min: number;
  readonly max: number;
}

export interface WeightedDst {
  readonly authority: string;
  /** In thousandths of the weights that users write, times ten. */
  readonly weight: number;
  readonly backendRef: Metadata | null;
}

function readUpdate(reader: Reader, held: Update | null): Update {
  let update: Update['update'] = held?.update ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        update = {
          kind: 'add',
          value: reader.message(readWeightedAddrSet, update?.kind === 'add' ? update.value : null),
        };
        break;
      case 18:
        update = {
          kind: 'remove',
          value: reader.message(readAddrSet, update?.kind === 'remove' ? update.value : null),
        };
        break;
      case 26:
        update = {
          kind: 'noEndpoints',
          value: reader.message(
            readNoEndpoints,
            update?.kind === 'noEndpoints' ? update.value : null,
          ),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { update };
}

function readAddrSet(reader: Reader, held: AddrSet | null): AddrSet {
  const addrs = (held?.addrs ?? []) as TcpAddress[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(addrs, readTcpAddress);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { addrs };
}

function readWeightedAddrSet(reader: Reader, held: WeightedAddrSet | null): WeightedAddrSet {
  const addrs = (held?.addrs ?? []) as WeightedAddr[];
  const metricLabels = (held?.metricLabels ?? new Map()) as Map<string, string>;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(addrs, readWeightedAddr);
        break;
      case 18:
        reader.textEntry(metricLabels);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { addrs, metricLabels };
}

function readNoEndpoints(reader: Reader, held: NoEndpoints | null): NoEndpoints {
  let exists = held?.exists ?? false;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        exists = reader.bool();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { exists };
}

export function readWeightedAddr(reader: Reader, held: WeightedAddr | null): WeightedAddr {
  let addr = held?.addr ?? null;
  let weight = held?.weight ?? 0;
  const metricLabels = (held?.metricLabels ?? new Map()) as Map<string, string>;
  let tlsIdentity = held?.tlsIdentity ?? null;
  let protocolHint = held?.protocolHint ?? null;
  let authorityOverride = held?.authorityOverride ?? null;
  let http2 = held?.http2 ?? null;
  let resourceRef = held?.resourceRef ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        addr = reader.message(readTcpAddress, addr);
        break;
      case 24:
        weight = reader.uint32();
        break;
      case 34:
        reader.textEntry(metricLabels);
        break;
      case 42:
        tlsIdentity = reader.message(readTlsIdentity, tlsIdentity);
        break;
      case 50:
        protocolHint = reader.message(readProtocolHint, protocolHint);
        break;
      case 58:
        authorityOverride = reader.message(readAuthorityOverride, authorityOverride);
        break;
      case 66:
        http2 = reader.message(readHttp2ClientParams, http2);
        break;
      case 74:
        resourceRef = reader.message(readMetadata, resourceRef);
        break;
      default:
        reader.skip(tag);
    }
  }
  return {
    addr,
    weight,
    metricLabels,
    tlsIdentity,
    protocolHint,
    authorityOverride,
    http2,
    resourceRef,
  };
}

function readTlsIdentity(reader: Reader, held: TlsIdentity | null): TlsIdentity {
  let strategy: TlsIdentity['strategy'] = held?.strategy ?? null;
  let serverName = held?.serverName ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        strategy = {
          kind: 'dnsLikeIdentity',
          value: reader.message(
            readTlsIdentityDnsLikeIdentity,
            strategy?.kind === 'dnsLikeIdentity' ? strategy.value : null,
          ),
        };
        break;
      case 26:
        strategy = {
          kind: 'uriLikeIdentity',
          value: reader.message(
            readTlsIdentityUriLikeIdentity,
            strategy?.kind === 'uriLikeIdentity' ? strategy.value : null,
          ),
        };
        break;
      case 34:
        serverName = reader.message(readTlsIdentityDnsLikeIdentity, serverName);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { strategy, serverName };
}

function readTlsIdentityDnsLikeIdentity(
  reader: Reader,
  held: TlsIdentityDnsLikeIdentity | null,
): TlsIdentityDnsLikeIdentity {
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

function readTlsIdentityUriLikeIdentity(
  reader: Reader,
  held: TlsIdentityUriLikeIdentity | null,
): TlsIdentityUriLikeIdentity {
  let uri = held?.uri ?? '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        uri = reader.text();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { uri };
}

function readProtocolHint(reader: Reader, held: ProtocolHint | null): ProtocolHint {
  let protocol: ProtocolHint['protocol'] = held?.protocol ?? null;
  let opaqueTransport = held?.opaqueTransport ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        protocol = {
          kind: 'h2',
          value: reader.message(
            readProtocolHintH2,
            protocol?.kind === 'h2' ? protocol.value : null,
          ),
        };
        break;
      case 26:
        protocol = {
          kind: 'opaque',
          value: reader.message(
            readProtocolHintOpaque,
            protocol?.kind === 'opaque' ? protocol.value : null,
          ),
        };
        break;
      case 18:
        opaqueTransport = reader.message(readProtocolHintOpaqueTransport, opaqueTransport);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { protocol, opaqueTransport };
}

function readProtocolHintH2(reader: Reader): ProtocolHintH2 {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) reader.skip(tag);
  return {};
}

function readProtocolHintOpaque(reader: Reader): ProtocolHintOpaque {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) reader.skip(tag);
  return {};
}

function readProtocolHintOpaqueTransport(
  reader: Reader,
  held: ProtocolHintOpaqueTransport | null,
): ProtocolHintOpaqueTransport {
  let inboundPort = held?.inboundPort ?? 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        inboundPort = reader.uint32();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { inboundPort };
}

function readAuthorityOverride(reader: Reader, held: AuthorityOverride | null): AuthorityOverride {
  let authorityOverride = held?.authorityOverride ?? '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        authorityOverride = reader.text();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { authorityOverride };
}

function readHttp2ClientParams(reader: Reader, held: Http2ClientParams | null): Http2ClientParams {
  let flowControl = held?.flowControl ?? null;
  let keepAlive = held?.keepAlive ?? null;
  let internals = held?.internals ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        flowControl = reader.message(readHttp2ClientParamsFlowControl, flowControl);
        break;
      case 18:
        keepAlive = reader.message(readHttp2ClientParamsKeepAlive, keepAlive);
        break;
      case 26:
        internals = reader.message(readHttp2ClientParamsInternals, internals);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { flowControl, keepAlive, internals };
}

function readHttp2ClientParamsFlowControl(
  reader: Reader,
  held: Http2ClientParamsFlowControl | null,
): Http2ClientParamsFlowControl {
  let initialConnectionWindowSize = held?.initialConnectionWindowSize ?? 0;
  let initialStreamWindowSize = held?.initialStreamWindowSize ?? 0;
  let adaptiveFlowControl = held?.adaptiveFlowControl ?? false;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        initialConnectionWindowSize = reader.uint32();
        break;
      case 16:
        initialStreamWindowSize = reader.uint32();
        break;
      case 24:
        adaptiveFlowControl = reader.bool();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { initialConnectionWindowSize, initialStreamWindowSize, adaptiveFlowControl };
}

function readHttp2ClientParamsKeepAlive(
  reader: Reader,
  held: Http2ClientParamsKeepAlive | null,
): Http2ClientParamsKeepAlive {
  let interval = held?.interval ?? null;
  let timeout = held?.timeout ?? null;
  let whileIdle = held?.whileIdle ?? false;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        interval = reader.message(readDuration, interval);
        break;
      case 18:
        timeout = reader.message(readDuration, timeout);
        break;
      case 24:
        whileIdle = reader.bool();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { interval, timeout, whileIdle };
}

function readHttp2ClientParamsInternals(
  reader: Reader,
  held: Http2ClientParamsInternals | null,
): Http2ClientParamsInternals {
  let maxConcurrentResetStreams = held?.maxConcurrentResetStreams ?? 0;
  let maxFrameSize = held?.maxFrameSize ?? 0;
  let maxSendBufSize = held?.maxSendBufSize ?? 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        maxConcurrentResetStreams = reader.uint32();
        break;
      case 16:
        maxFrameSize = reader.uint32();
        break;
      case 24:
        maxSendBufSize = reader.uint32();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { maxConcurrentResetStreams, maxFrameSize, maxSendBufSize };
}

function readDestinationProfile(
  reader: Reader,
  held: DestinationProfile | null,
): DestinationProfile {
  const routes = (held?.routes ?? []) as Route[];
  let retryBudget = held?.retryBudget ?? null;
  const dstOverrides = (held?.dstOverrides ?? []) as WeightedDst[];
  let opaqueProtocol = held?.opaqueProtocol ?? false;
  let fullyQualifiedName = held?.fullyQualifiedName ?? '';
  let endpoint = held?.endpoint ?? null;
  let parentRef = held?.parentRef ?? null;
  let profileRef = held?.profileRef ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(routes, readRoute);
        break;
      case 18:
        retryBudget = reader.message(readRetryBudget, retryBudget);
        break;
      case 26:
        reader.append(dstOverrides, readWeightedDst);
        break;
      case 32:
        opaqueProtocol = reader.bool();
        break;
      case 42:
        fullyQualifiedName = reader.text();
        break;
      case 50:
        endpoint = reader.message(readWeightedAddr, endpoint);
        break;
      case 58:
        parentRef = reader.message(readMetadata, parentRef);
        break;
      case 66:
        profileRef = reader.message(readMetadata, profileRef);
        break;
      default:
        reader.skip(tag);
    }
  }
  return {
    routes,
    retryBudget,
    dstOverrides,
    opaqueProtocol,
    fullyQualifiedName,
    endpoint,
    parentRef,
    profileRef,
  };
}

function readRoute(reader: Reader, held: Route | null): Route {
  let condition = held?.condition ?? null;
  const responseClasses = (held?.responseClasses ?? []) as ResponseClass[];
  const metricsLabels = (held?.metricsLabels ?? new Map()) as Map<string, string>;
  let isRetryable = held?.isRetryable ?? false;
  let timeout = held?.timeout ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        condition = reader.message(readRequestMatch, condition);
        break;
      case 18:
        reader.append(responseClasses, readResponseClass);
        break;
      case 26:
        reader.textEntry(metricsLabels);
        break;
      case 32:
        isRetryable = reader.bool();
        break;
      case 42:
        timeout = reader.message(readDuration, timeout);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { condition, responseClasses, metricsLabels, isRetryable, timeout };
}

function readRetryBudget(reader: Reader, held: RetryBudget | null): RetryBudget {
  let retryRatio = held?.retryRatio ?? 0;
  let minRetriesPerSecond = held?.minRetriesPerSecond ?? 0;
  let ttl = held?.ttl ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 13:
        retryRatio = reader.float();
        break;
      case 16:
        minRetriesPerSecond = reader.uint32();
        break;
      case 26:
        ttl = reader.message(readDuration, ttl);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { retryRatio, minRetriesPerSecond, ttl };
}

function readResponseClass(reader: Reader, held: ResponseClass | null): ResponseClass {
  let condition = held?.condition ?? null;
  let isFailure = held?.isFailure ?? false;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        condition = reader.message(readResponseMatch, condition);
        break;
      case 16:
        isFailure = reader.bool();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { condition, isFailure };
}

function readRequestMatch(reader: Reader, held: RequestMatch | null): RequestMatch {
  let match: RequestMatch['match'] = held?.match ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        match = {
          kind: 'all',
          value: reader.message(readRequestMatchSeq, match?.kind === 'all' ? match.value : null),
        };
        break;
      case 18:
        match = {
          kind: 'any',
          value: reader.message(readRequestMatchSeq, match?.kind === 'any' ? match.value : null),
        };
        break;
      case 26:
        match = {
          kind: 'not',
          value: reader.message(readRequestMatch, match?.kind === 'not' ? match.value : null),
        };
        break;
      case 34:
        match = {
          kind: 'path',
          value: reader.message(readPathMatch, match?.kind === 'path' ? match.value : null),
        };
        break;
      case 42:
        match = {
          kind: 'method',
          value: reader.message(readHttpMethod, match?.kind === 'method' ? match.value : null),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { match };
}

function readRequestMatchSeq(reader: Reader, held: RequestMatchSeq | null): RequestMatchSeq {
  const matches = (held?.matches ?? []) as RequestMatch[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(matches, readRequestMatch);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { matches };
}

function readPathMatch(reader: Reader, held: PathMatch | null): PathMatch {
  let regex = held?.regex ?? '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        regex = reader.text();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { regex };
}

function readResponseMatch(reader: Reader, held: ResponseMatch | null): ResponseMatch {
  let match: ResponseMatch['match'] = held?.match ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        match = {
          kind: 'all',
          value: reader.message(readResponseMatchSeq, match?.kind === 'all' ? match.value : null),
        };
        break;
      case 18:
        match = {
          kind: 'any',
          value: reader.message(readResponseMatchSeq, match?.kind === 'any' ? match.value : null),
        };
        break;
      case 26:
        match = {
          kind: 'not',
          value: reader.message(readResponseMatch, match?.kind === 'not' ? match.value : null),
        };
        break;
      case 34:
        match = {
          kind: 'status',
          value: reader.message(readHttpStatusRange, match?.kind === 'status' ? match.value : null),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { match };
}

function readResponseMatchSeq(reader: Reader, held: ResponseMatchSeq | null): ResponseMatchSeq {
  const matches = (held?.matches ?? []) as ResponseMatch[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(matches, readResponseMatch);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { matches };
}

function readHttpStatusRange(reader: Reader, held: HttpStatusRange | null): HttpStatusRange {
  let min = held?.min ?? 0;
  let max = held?.max ?? 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        min = reader.uint32();
        break;
      case 16:
        max = reader.uint32();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { min, max };
}

function readWeightedDst(reader: Reader, held: WeightedDst | null): WeightedDst {
  let authority = held?.authority ?? '';
  let weight = held?.weight ?? 0;
  let backendRef = held?.backendRef ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        authority = reader.text();
        break;
      case 16:
        weight = reader.uint32();
        break;
      case 26:
        backendRef = reader.message(readMetadata, backendRef);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { authority, weight, backendRef };
}

function writeGetDestination(writer: Writer, message: GetDestination): void {
  if (message.contextToken !== '') writer.text(3, message.contextToken);
  if (message.path !== '') writer.text(2, message.path);
  if (message.scheme !== '') writer.text(1, message.scheme);
}
