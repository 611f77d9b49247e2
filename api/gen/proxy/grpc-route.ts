/** Made by tools/generate-api.ts from grpc_route.proto; not to be edited. */

import type { Reader } from '../../wire/reader.ts';
import { type HeaderMatch, type Ratio, readHeaderMatch, readRatio } from './http-route.ts';

export interface GrpcRouteMatch {
  readonly rpc: GrpcRpcMatch | null;
  readonly headers: readonly HeaderMatch[];
}

/** What is empty matches all. */
export interface GrpcRpcMatch {
  readonly service: string;
  readonly method: string;
}

/** Answers a share of the calls without passing them on. */
export interface GrpcFailureInjector {
  readonly code: number;
  readonly message: string;
  readonly ratio: Ratio | null;
}

export function readGrpcRouteMatch(reader: Reader, held: GrpcRouteMatch | null): GrpcRouteMatch {
  let rpc = held?.rpc ?? null;
  const headers = (held?.headers ?? []) as HeaderMatch[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        rpc = reader.message(readGrpcRpcMatch, rpc);
        break;
      case 18:
        reader.append(headers, readHeaderMatch);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { rpc, headers };
}

function readGrpcRpcMatch(reader: Reader, held: GrpcRpcMatch | null): GrpcRpcMatch {
  let service = held?.service ?? '';
  let method = held?.method ?? '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        service = reader.text();
        break;
      case 18:
        method = reader.text();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { service, method };
}

export function readGrpcFailureInjector(
  reader: Reader,
  held: GrpcFailureInjector | null,
): GrpcFailureInjector {
  let code = held?.code ?? 0;
  let message = held?.message ?? '';
  let ratio = held?.ratio ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        code = reader.uint32();
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
  return { code, message, ratio };
}
