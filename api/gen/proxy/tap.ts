/** Made by tools/generate-api.ts from tap.proto; not to be edited. */

import { type Malformed, Reader, type ReadLimits } from '../../wire/reader.ts';
import { Writer } from '../../wire/writer.ts';
import { type Duration, writeDuration } from './duration.ts';
import {
  type Headers,
  type HttpMethod,
  readHttpMethod,
  readScheme,
  type Scheme,
  writeHeaders,
  writeHttpMethod,
  writeScheme,
} from './http-types.ts';
import { type IPAddress, readIPAddress, type TcpAddress, writeTcpAddress } from './net.ts';

export function decodeObserveRequest(
  bytes: Uint8Array,
  limits: ReadLimits,
): ObserveRequest | Malformed {
  const reader = new Reader(bytes, limits);
  const message = readObserveRequest(reader, null);
  return reader.problem ?? message;
}

export function encodeTapEvent(message: TapEvent): Uint8Array {
  const writer = new Writer();
  writeTapEvent(writer, message);
  return writer.finish();
}

export const TapEventProxyDirection = {
  UNKNOWN: 0,
  INBOUND: 1,
  OUTBOUND: 2,
} as const;

export interface ObserveRequest {
  /** Requests after which the stream ends; more than 0. */
  readonly limit: number;
  readonly match: ObserveRequestMatch | null;
  readonly extract: ObserveRequestExtract | null;
}

export interface ObserveRequestMatch {
  readonly match:
    | { readonly kind: 'all'; readonly value: ObserveRequestMatchSeq }
    | { readonly kind: 'any'; readonly value: ObserveRequestMatchSeq }
    | { readonly kind: 'not'; readonly value: ObserveRequestMatch }
    | { readonly kind: 'source'; readonly value: ObserveRequestMatchTcp }
    | { readonly kind: 'destination'; readonly value: ObserveRequestMatchTcp }
    | { readonly kind: 'http'; readonly value: ObserveRequestMatchHttp }
    | { readonly kind: 'destinationLabel'; readonly value: ObserveRequestMatchLabel }
    | { readonly kind: 'routeLabel'; readonly value: ObserveRequestMatchLabel }
    | null;
}

export interface ObserveRequestMatchSeq {
  readonly matches: readonly ObserveRequestMatch[];
}

export interface ObserveRequestMatchLabel {
  readonly key: string;
  readonly value: string;
}

export interface ObserveRequestMatchTcp {
  readonly match:
    | { readonly kind: 'netmask'; readonly value: ObserveRequestMatchTcpNetmask }
    | { readonly kind: 'ports'; readonly value: ObserveRequestMatchTcpPortRange }
    | null;
}

export interface ObserveRequestMatchTcpNetmask {
  readonly ip: IPAddress | null;
  /** The length of the prefix. */
  readonly mask: number;
}

/** Both ends belong to it. */
export interface ObserveRequestMatchTcpPortRange {
  readonly min: number;
  readonly max: number;
}

export interface ObserveRequestMatchHttp {
  readonly match:
    | { readonly kind: 'scheme'; readonly value: Scheme }
    | { readonly kind: 'authority'; readonly value: ObserveRequestMatchHttpStringMatch }
    | { readonly kind: 'method'; readonly value: HttpMethod }
    | { readonly kind: 'path'; readonly value: ObserveRequestMatchHttpStringMatch }
    | null;
}

export interface ObserveRequestMatchHttpStringMatch {
  readonly match:
    | { readonly kind: 'exact'; readonly value: string }
    | { readonly kind: 'prefix'; readonly value: string }
    | null;
}

export interface ObserveRequestExtract {
  readonly extract: { readonly kind: 'http'; readonly value: ObserveRequestExtractHttp } | null;
}

export interface ObserveRequestExtractHttp {
  readonly extract: {
    readonly kind: 'headers';
    readonly value: ObserveRequestExtractHttpHeaders;
  } | null;
}

/** All fields of a head, those of HTTP/2 with a colon too. */
export type ObserveRequestExtractHttpHeaders = Record<string, never>;

export interface TapEvent {
  readonly source: TcpAddress | null;
  readonly destination: TcpAddress | null;
  readonly event: { readonly kind: 'http'; readonly value: TapEventHttp } | null;
  readonly destinationMeta: TapEventEndpointMeta | null;
  readonly sourceMeta: TapEventEndpointMeta | null;
  readonly proxyDirection: number;
  readonly routeMeta: TapEventRouteMeta | null;
}

export interface TapEventEndpointMeta {
  readonly labels: ReadonlyMap<string, string>;
}

export interface TapEventRouteMeta {
  readonly labels: ReadonlyMap<string, string>;
}

export interface TapEventHttp {
  readonly event:
    | { readonly kind: 'requestInit'; readonly value: TapEventHttpRequestInit }
    | { readonly kind: 'responseInit'; readonly value: TapEventHttpResponseInit }
    | { readonly kind: 'responseEnd'; readonly value: TapEventHttpResponseEnd }
    | null;
}

/** The same in all events of one request. */
export interface TapEventHttpStreamId {
  readonly base: number;
  readonly stream: bigint;
}

export interface TapEventHttpRequestInit {
  readonly id: TapEventHttpStreamId | null;
  readonly method: HttpMethod | null;
  readonly scheme: Scheme | null;
  readonly authority: string;
  readonly path: string;
  readonly headers: Headers | null;
}

export interface TapEventHttpResponseInit {
  readonly id: TapEventHttpStreamId | null;
  readonly sinceRequestInit: Duration | null;
  readonly httpStatus: number;
  readonly headers: Headers | null;
}

export interface TapEventHttpResponseEnd {
  readonly id: TapEventHttpStreamId | null;
  readonly sinceRequestInit: Duration | null;
  readonly sinceResponseInit: Duration | null;
  readonly responseBytes: bigint;
  readonly eos: Eos | null;
  readonly trailers: Headers | null;
}

/** How a response ended; neither: as HTTP/1.1 ends, or without a status. */
export interface Eos {
  readonly end:
    | { readonly kind: 'grpcStatusCode'; readonly value: number }
    | { readonly kind: 'resetErrorCode'; readonly value: number }
    | null;
}

function readObserveRequest(reader: Reader, held: ObserveRequest | null): ObserveRequest {
  let limit = held?.limit ?? 0;
  let match = held?.match ?? null;
  let extract = held?.extract ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        limit = reader.uint32();
        break;
      case 18:
        match = reader.message(readObserveRequestMatch, match);
        break;
      case 26:
        extract = reader.message(readObserveRequestExtract, extract);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { limit, match, extract };
}

function readObserveRequestMatch(
  reader: Reader,
  held: ObserveRequestMatch | null,
): ObserveRequestMatch {
  let match: ObserveRequestMatch['match'] = held?.match ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        match = {
          kind: 'all',
          value: reader.message(
            readObserveRequestMatchSeq,
            match?.kind === 'all' ? match.value : null,
          ),
        };
        break;
      case 18:
        match = {
          kind: 'any',
          value: reader.message(
            readObserveRequestMatchSeq,
            match?.kind === 'any' ? match.value : null,
          ),
        };
        break;
      case 26:
        match = {
          kind: 'not',
          value: reader.message(
            readObserveRequestMatch,
            match?.kind === 'not' ? match.value : null,
          ),
        };
        break;
      case 34:
        match = {
          kind: 'source',
          value: reader.message(
            readObserveRequestMatchTcp,
            match?.kind === 'source' ? match.value : null,
          ),
        };
        break;
      case 42:
        match = {
          kind: 'destination',
          value: reader.message(
            readObserveRequestMatchTcp,
            match?.kind === 'destination' ? match.value : null,
          ),
        };
        break;
      case 50:
        match = {
          kind: 'http',
          value: reader.message(
            readObserveRequestMatchHttp,
            match?.kind === 'http' ? match.value : null,
          ),
        };
        break;
      case 58:
        match = {
          kind: 'destinationLabel',
          value: reader.message(
            readObserveRequestMatchLabel,
            match?.kind === 'destinationLabel' ? match.value : null,
          ),
        };
        break;
      case 66:
        match = {
          kind: 'routeLabel',
          value: reader.message(
            readObserveRequestMatchLabel,
            match?.kind === 'routeLabel' ? match.value : null,
          ),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { match };
}

function readObserveRequestMatchSeq(
  reader: Reader,
  held: ObserveRequestMatchSeq | null,
): ObserveRequestMatchSeq {
  const matches = (held?.matches ?? []) as ObserveRequestMatch[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(matches, readObserveRequestMatch);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { matches };
}

function readObserveRequestMatchLabel(
  reader: Reader,
  held: ObserveRequestMatchLabel | null,
): ObserveRequestMatchLabel {
  let key = held?.key ?? '';
  let value = held?.value ?? '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        key = reader.text();
        break;
      case 18:
        value = reader.text();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { key, value };
}

function readObserveRequestMatchTcp(
  reader: Reader,
  held: ObserveRequestMatchTcp | null,
): ObserveRequestMatchTcp {
  let match: ObserveRequestMatchTcp['match'] = held?.match ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        match = {
          kind: 'netmask',
          value: reader.message(
            readObserveRequestMatchTcpNetmask,
            match?.kind === 'netmask' ? match.value : null,
          ),
        };
        break;
      case 26:
        match = {
          kind: 'ports',
          value: reader.message(
            readObserveRequestMatchTcpPortRange,
            match?.kind === 'ports' ? match.value : null,
          ),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { match };
}

function readObserveRequestMatchTcpNetmask(
  reader: Reader,
  held: ObserveRequestMatchTcpNetmask | null,
): ObserveRequestMatchTcpNetmask {
  let ip = held?.ip ?? null;
  let mask = held?.mask ?? 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        ip = reader.message(readIPAddress, ip);
        break;
      case 16:
        mask = reader.uint32();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { ip, mask };
}

function readObserveRequestMatchTcpPortRange(
  reader: Reader,
  held: ObserveRequestMatchTcpPortRange | null,
): ObserveRequestMatchTcpPortRange {
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

function readObserveRequestMatchHttp(
  reader: Reader,
  held: ObserveRequestMatchHttp | null,
): ObserveRequestMatchHttp {
  let match: ObserveRequestMatchHttp['match'] = held?.match ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        match = {
          kind: 'scheme',
          value: reader.message(readScheme, match?.kind === 'scheme' ? match.value : null),
        };
        break;
      case 18:
        match = {
          kind: 'authority',
          value: reader.message(
            readObserveRequestMatchHttpStringMatch,
            match?.kind === 'authority' ? match.value : null,
          ),
        };
        break;
      case 26:
        match = {
          kind: 'method',
          value: reader.message(readHttpMethod, match?.kind === 'method' ? match.value : null),
        };
        break;
      case 34:
        match = {
          kind: 'path',
          value: reader.message(
            readObserveRequestMatchHttpStringMatch,
            match?.kind === 'path' ? match.value : null,
          ),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { match };
}

function readObserveRequestMatchHttpStringMatch(
  reader: Reader,
  held: ObserveRequestMatchHttpStringMatch | null,
): ObserveRequestMatchHttpStringMatch {
  let match: ObserveRequestMatchHttpStringMatch['match'] = held?.match ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        match = { kind: 'exact', value: reader.text() };
        break;
      case 18:
        match = { kind: 'prefix', value: reader.text() };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { match };
}

function readObserveRequestExtract(
  reader: Reader,
  held: ObserveRequestExtract | null,
): ObserveRequestExtract {
  let extract: ObserveRequestExtract['extract'] = held?.extract ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        extract = {
          kind: 'http',
          value: reader.message(
            readObserveRequestExtractHttp,
            extract?.kind === 'http' ? extract.value : null,
          ),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { extract };
}

function readObserveRequestExtractHttp(
  reader: Reader,
  held: ObserveRequestExtractHttp | null,
): ObserveRequestExtractHttp {
  let extract: ObserveRequestExtractHttp['extract'] = held?.extract ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        extract = {
          kind: 'headers',
          value: reader.message(
            readObserveRequestExtractHttpHeaders,
            extract?.kind === 'headers' ? extract.value : null,
          ),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { extract };
}

function readObserveRequestExtractHttpHeaders(reader: Reader): ObserveRequestExtractHttpHeaders {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) reader.skip(tag);
  return {};
}

function writeTapEvent(writer: Writer, message: TapEvent): void {
  if (message.routeMeta !== null) writer.message(7, writeTapEventRouteMeta, message.routeMeta);
  if (message.proxyDirection !== 0) writer.int32(6, message.proxyDirection);
  if (message.sourceMeta !== null) writer.message(5, writeTapEventEndpointMeta, message.sourceMeta);
  if (message.destinationMeta !== null)
    writer.message(4, writeTapEventEndpointMeta, message.destinationMeta);
  if (message.event?.kind === 'http') writer.message(3, writeTapEventHttp, message.event.value);
  if (message.destination !== null) writer.message(2, writeTcpAddress, message.destination);
  if (message.source !== null) writer.message(1, writeTcpAddress, message.source);
}

function writeTapEventEndpointMeta(writer: Writer, message: TapEventEndpointMeta): void {
  writer.textEntries(1, message.labels);
}

function writeTapEventRouteMeta(writer: Writer, message: TapEventRouteMeta): void {
  writer.textEntries(1, message.labels);
}

function writeTapEventHttp(writer: Writer, message: TapEventHttp): void {
  if (message.event?.kind === 'responseEnd')
    writer.message(3, writeTapEventHttpResponseEnd, message.event.value);
  if (message.event?.kind === 'responseInit')
    writer.message(2, writeTapEventHttpResponseInit, message.event.value);
  if (message.event?.kind === 'requestInit')
    writer.message(1, writeTapEventHttpRequestInit, message.event.value);
}

function writeTapEventHttpStreamId(writer: Writer, message: TapEventHttpStreamId): void {
  if (message.stream !== 0n) writer.uint64(2, message.stream);
  if (message.base !== 0) writer.uint32(1, message.base);
}

function writeTapEventHttpRequestInit(writer: Writer, message: TapEventHttpRequestInit): void {
  if (message.headers !== null) writer.message(6, writeHeaders, message.headers);
  if (message.path !== '') writer.text(5, message.path);
  if (message.authority !== '') writer.text(4, message.authority);
  if (message.scheme !== null) writer.message(3, writeScheme, message.scheme);
  if (message.method !== null) writer.message(2, writeHttpMethod, message.method);
  if (message.id !== null) writer.message(1, writeTapEventHttpStreamId, message.id);
}

function writeTapEventHttpResponseInit(writer: Writer, message: TapEventHttpResponseInit): void {
  if (message.headers !== null) writer.message(4, writeHeaders, message.headers);
  if (message.httpStatus !== 0) writer.uint32(3, message.httpStatus);
  if (message.sinceRequestInit !== null) writer.message(2, writeDuration, message.sinceRequestInit);
  if (message.id !== null) writer.message(1, writeTapEventHttpStreamId, message.id);
}

function writeTapEventHttpResponseEnd(writer: Writer, message: TapEventHttpResponseEnd): void {
  if (message.trailers !== null) writer.message(6, writeHeaders, message.trailers);
  if (message.eos !== null) writer.message(5, writeEos, message.eos);
  if (message.responseBytes !== 0n) writer.uint64(4, message.responseBytes);
  if (message.sinceResponseInit !== null)
    writer.message(3, writeDuration, message.sinceResponseInit);
  if (message.sinceRequestInit !== null) writer.message(2, writeDuration, message.sinceRequestInit);
  if (message.id !== null) writer.message(1, writeTapEventHttpStreamId, message.id);
}

function writeEos(writer: Writer, message: Eos): void {
  if (message.end?.kind === 'resetErrorCode') writer.uint32(2, message.end.value);
  if (message.end?.kind === 'grpcStatusCode') writer.uint32(1, message.end.value);
}
