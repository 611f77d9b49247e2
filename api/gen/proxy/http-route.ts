/** Made by tools/generate-api.ts from http_route.proto; not to be edited. */

import type { Reader } from '../../wire/reader.ts';
import { type Duration, readDuration } from './duration.ts';
import {
  type Headers,
  type HttpMethod,
  readHeaders,
  readHttpMethod,
  readScheme,
  type Scheme,
} from './http-types.ts';

export interface HostMatch {
  readonly match:
    | { readonly kind: 'exact'; readonly value: string }
    | { readonly kind: 'suffix'; readonly value: HostMatchSuffix }
    | null;
}

/** A wildcard name: `*.example.com` is [com, example]. */
export interface HostMatchSuffix {
  readonly reverseLabels: readonly string[];
}

/** Matches when all of its parts do. */
export interface HttpRouteMatch {
  readonly path: PathMatch | null;
  readonly headers: readonly HeaderMatch[];
  readonly queryParams: readonly QueryParamMatch[];
  readonly method: HttpMethod | null;
}

export interface PathMatch {
  readonly kind:
    | { readonly kind: 'exact'; readonly value: string }
    | {
        /** By whole segments. */
        readonly kind: 'prefix';
        readonly value: string;
      }
    | { readonly kind: 'regex'; readonly value: string }
    | null;
}

export interface HeaderMatch {
  readonly name: string;
  readonly value:
    | { readonly kind: 'exact'; readonly value: Uint8Array }
    | { readonly kind: 'regex'; readonly value: string }
    | null;
}

export interface QueryParamMatch {
  readonly name: string;
  readonly value:
    | { readonly kind: 'exact'; readonly value: string }
    | { readonly kind: 'regex'; readonly value: string }
    | null;
}

export interface RequestHeaderModifier {
  readonly add: Headers | null;
  readonly set: Headers | null;
  readonly remove: readonly string[];
}

export interface ResponseHeaderModifier {
  readonly add: Headers | null;
  readonly set: Headers | null;
  readonly remove: readonly string[];
}

/** What is absent stays as the request has it. */
export interface RequestRedirect {
  readonly scheme: Scheme | null;
  readonly host: string;
  readonly path: PathModifier | null;
  readonly port: number;
  readonly status: number;
}

export interface PathModifier {
  readonly replace:
    | { readonly kind: 'full'; readonly value: string }
    | {
        /** Takes the place of the prefix that has matched. */
        readonly kind: 'prefix';
        readonly value: string;
      }
    | null;
}

/** Answers a share of the requests without passing them on. */
export interface HttpFailureInjector {
  readonly status: number;
  readonly message: string;
  readonly ratio: Ratio | null;
}

export interface Ratio {
  readonly numerator: number;
  /** Never 0. */
  readonly denominator: number;
}

export interface Timeouts {
  /** From the end of the request to the response's head. */
  readonly response: Duration | null;
  /** The whole exchange, its retries too. */
  readonly request: Duration | null;
  /** Between two frames in either direction. */
  readonly idle: Duration | null;
}

export function readHostMatch(reader: Reader, held: HostMatch | null): HostMatch {
  let match: HostMatch['match'] = held?.match ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        match = { kind: 'exact', value: reader.text() };
        break;
      case 18:
        match = {
          kind: 'suffix',
          value: reader.message(readHostMatchSuffix, match?.kind === 'suffix' ? match.value : null),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { match };
}

function readHostMatchSuffix(reader: Reader, held: HostMatchSuffix | null): HostMatchSuffix {
  const reverseLabels = (held?.reverseLabels ?? []) as string[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.appendText(reverseLabels);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { reverseLabels };
}

export function readHttpRouteMatch(reader: Reader, held: HttpRouteMatch | null): HttpRouteMatch {
  let path = held?.path ?? null;
  const headers = (held?.headers ?? []) as HeaderMatch[];
  const queryParams = (held?.queryParams ?? []) as QueryParamMatch[];
  let method = held?.method ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        path = reader.message(readPathMatch, path);
        break;
      case 18:
        reader.append(headers, readHeaderMatch);
        break;
      case 26:
        reader.append(queryParams, readQueryParamMatch);
        break;
      case 34:
        method = reader.message(readHttpMethod, method);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { path, headers, queryParams, method };
}

function readPathMatch(reader: Reader, held: PathMatch | null): PathMatch {
  let kind: PathMatch['kind'] = held?.kind ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        kind = { kind: 'exact', value: reader.text() };
        break;
      case 18:
        kind = { kind: 'prefix', value: reader.text() };
        break;
      case 26:
        kind = { kind: 'regex', value: reader.text() };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { kind };
}

export function readHeaderMatch(reader: Reader, held: HeaderMatch | null): HeaderMatch {
  let name = held?.name ?? '';
  let value: HeaderMatch['value'] = held?.value ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        name = reader.text();
        break;
      case 18:
        value = { kind: 'exact', value: reader.bytes() };
        break;
      case 26:
        value = { kind: 'regex', value: reader.text() };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { name, value };
}

function readQueryParamMatch(reader: Reader, held: QueryParamMatch | null): QueryParamMatch {
  let name = held?.name ?? '';
  let value: QueryParamMatch['value'] = held?.value ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        name = reader.text();
        break;
      case 18:
        value = { kind: 'exact', value: reader.text() };
        break;
      case 26:
        value = { kind: 'regex', value: reader.text() };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { name, value };
}

export function readRequestHeaderModifier(
  reader: Reader,
  held: RequestHeaderModifier | null,
): RequestHeaderModifier {
  let add = held?.add ?? null;
  let set = held?.set ?? null;
  const remove = (held?.remove ?? []) as string[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        add = reader.message(readHeaders, add);
        break;
      case 18:
        set = reader.message(readHeaders, set);
        break;
      case 26:
        reader.appendText(remove);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { add, set, remove };
}

export function readResponseHeaderModifier(
  reader: Reader,
  held: ResponseHeaderModifier | null,
): ResponseHeaderModifier {
  let add = held?.add ?? null;
  let set = held?.set ?? null;
  const remove = (held?.remove ?? []) as string[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        add = reader.message(readHeaders, add);
        break;
      case 18:
        set = reader.message(readHeaders, set);
        break;
      case 26:
        reader.appendText(remove);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { add, set, remove };
}

export function readRequestRedirect(reader: Reader, held: RequestRedirect | null): RequestRedirect {
  let scheme = held?.scheme ?? null;
  let host = held?.host ?? '';
  let path = held?.path ?? null;
  let port = held?.port ?? 0;
  let status = held?.status ?? 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        scheme = reader.message(readScheme, scheme);
        break;
      case 18:
        host = reader.text();
        break;
      case 26:
        path = reader.message(readPathModifier, path);
        break;
      case 32:
        port = reader.uint32();
        break;
      case 40:
        status = reader.uint32();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { scheme, host, path, port, status };
}

function readPathModifier(reader: Reader, held: PathModifier | null): PathModifier {
  let replace: PathModifier['replace'] = held?.replace ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        replace = { kind: 'full', value: reader.text() };
        break;
      case 18:
        replace = { kind: 'prefix', value: reader.text() };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { replace };
}

export function readHttpFailureInjector(
  reader: Reader,
  held: HttpFailureInjector | null,
): HttpFailureInjector {
  let status = held?.status ?? 0;
  let message = held?.message ?? '';
  let ratio = held?.ratio ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        status = reader.uint32();
        break;
      case 18:
        message = reader.text();
        break;
      case 26:
        ratio = reader.message(readRatio, ratio);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { status, message, ratio };
}

export function readRatio(reader: Reader, held: Ratio | null): Ratio {
  let numerator = held?.numerator ?? 0;
  let denominator = held?.denominator ?? 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        numerator = reader.uint32();
        break;
      case 16:
        denominator = reader.uint32();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { numerator, denominator };
}

export function readTimeouts(reader: Reader, held: Timeouts | null): Timeouts {
  let response = held?.response ?? null;
  let request = held?.request ?? null;
  let idle = held?.idle ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        response = reader.message(readDuration, response);
        break;
      case 18:
        request = reader.message(readDuration, request);
        break;
      case 26:
        idle = reader.message(readDuration, idle);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { response, request, idle };
}
