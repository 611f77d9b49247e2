/** The services of the suites, read from their files, and the messages as grpc-js shows them. */

import { join } from 'node:path';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** Where the files lie, for programs that read them by themselves. */
export const protoFolder = import.meta.dirname;

const definitions = loadSync(
  ['testing.proto', 'health.proto'].map((name) => join(protoFolder, name)),
  { defaults: true, enums: String },
);

export const testService = definitions['grpc.testing.TestService'] as ServiceDefinition;
export const unknownService = definitions['grpc.testing.UnimplementedService'] as ServiceDefinition;
export const healthService = definitions['grpc.health.v1.Health'] as ServiceDefinition;

interface Payload {
  readonly body: Buffer;
}

/** The status with which the call ends. */
interface EchoStatus {
  readonly code: number;
  readonly message: string;
}

export interface SimpleRequest {
  readonly responseSize?: number;
  readonly payload?: Payload | null;
  readonly responseStatus?: EchoStatus | null;
}

export interface PayloadMessage {
  readonly payload?: Payload | null;
}

export interface AggregatedSize {
  readonly aggregatedPayloadSize: number;
}

export interface StreamRequest {
  readonly responseParameters?: readonly { readonly size: number; readonly intervalUs?: number }[];
  readonly payload?: Payload | null;
  readonly responseStatus?: EchoStatus | null;
}

export interface HealthRequest {
  readonly service: string;
}

export interface HealthResponse {
  readonly status: 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
}

/** A message of so many bytes. */
export function payloadOf(size: number): Payload {
  return { body: Buffer.alloc(size, 'gRPC ') };
}
