/** Made by tools/generate-api.ts from http_types.proto; not to be edited. */

import type { Reader } from '../../wire/reader.ts';
import type { Writer } from '../../wire/writer.ts';

export const HttpMethodRegistered = {
  GET: 0,
  POST: 1,
  PUT: 2,
  DELETE: 3,
  PATCH: 4,
  OPTIONS: 5,
  CONNECT: 6,
  HEAD: 7,
  TRACE: 8,
} as const;

export const SchemeRegistered = {
  HTTP: 0,
  HTTPS: 1,
} as const;

export interface HttpMethod {
  readonly type:
    | { readonly kind: 'registered'; readonly value: number }
    | {
        /** Any other token; methods are case-sensitive. */
        readonly kind: 'unregistered';
        readonly value: string;
      }
    | null;
}

export interface Scheme {
  readonly type:
    | { readonly kind: 'registered'; readonly value: number }
    | { readonly kind: 'unregistered'; readonly value: string }
    | null;
}

export interface Headers {
  /** In the order of the wire; a name may come several times. */
  readonly headers: readonly HeadersHeader[];
}

export interface HeadersHeader {
  readonly name: string;
  /** Bytes, because HTTP says nothing of their encoding. */
  readonly value: Uint8Array;
}

export function readHttpMethod(reader: Reader, held: HttpMethod | null): HttpMethod {
  let type: HttpMethod['type'] = held?.type ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        type = { kind: 'registered', value: reader.int32() };
        break;
      case 18:
        type = { kind: 'unregistered', value: reader.text() };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { type };
}

export function readScheme(reader: Reader, held: Scheme | null): Scheme {
  let type: Scheme['type'] = held?.type ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        type = { kind: 'registered', value: reader.int32() };
        break;
      case 18:
        type = { kind: 'unregistered', value: reader.text() };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { type };
}

export function readHeaders(reader: Reader, held: Headers | null): Headers {
  const headers = (held?.headers ?? []) as HeadersHeader[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.append(headers, readHeadersHeader);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { headers };
}

function readHeadersHeader(reader: Reader, held: HeadersHeader | null): HeadersHeader {
  let name = held?.name ?? '';
  let value = held?.value ?? new Uint8Array();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        name = reader.text();
        break;
      case 18:
        value = reader.bytes();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { name, value };
}

export function writeHttpMethod(writer: Writer, message: HttpMethod): void {
  if (message.type?.kind === 'unregistered') writer.text(2, message.type.value);
  if (message.type?.kind === 'registered') writer.int32(1, message.type.value);
}

export function writeScheme(writer: Writer, message: Scheme): void {
  if (message.type?.kind === 'unregistered') writer.text(2, message.type.value);
  if (message.type?.kind === 'registered') writer.int32(1, message.type.value);
}

export function writeHeaders(writer: Writer, message: Headers): void {
  writer.messages(1, writeHeadersHeader, message.headers);
}

function writeHeadersHeader(writer: Writer, message: HeadersHeader): void {
  if (message.value.length > 0) writer.bytes(2, message.value);
  if (message.name !== '') writer.text(1, message.name);
}
