/** Asks control planes what they know (`heddle.view.v1`). Answers are bounded in size and time. */

import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { EndpointsRequestSchema, StatusRequestSchema, View } from '../api/gen/control/view_pb.ts';
import type { Address } from '../api/settings.ts';
import { formatAddress } from '../control/model/address.ts';
import { systemClock } from '../core/base/clock.ts';
import { Deadlines } from '../core/base/deadlines.ts';
import { TimerWheel } from '../core/base/timers.ts';
import { GrpcClient, type GrpcClientEnv } from '../core/grpc/client.ts';
import type { MessageCodec, Method } from '../core/grpc/method.ts';
import { Code, codeName, type Status } from '../core/grpc/status.ts';
import { Io } from '../core/io/io.ts';
import { type ControlStatus, readService, readStatus, type ServiceView } from './view-messages.ts';

/** `reason` is a sentence that says what to do. */
export type ViewAnswer<Value> = { readonly value: Value } | { readonly reason: string };

export interface ViewClient {
  /** `127.0.0.1:8086` */
  readonly address: string;
  readonly host: string;
  /** Empty when there is no service of this name; `name` is empty for all of them. */
  endpoints(name: string, namespace: string): Promise<ViewAnswer<readonly ServiceView[]>>;
  status(): Promise<ViewAnswer<ControlStatus>>;
  close(): void;
}

/** Nothing is dialled before it is asked. */
export function createViewClient(address: Address): ViewClient {
  env ??= createEnv();
  const client = new GrpcClient(env, address, { messageBytesMax: answerBytesMax });
  const options = { deadlineMs: answerTimeoutMs };
  return {
    address: formatAddress(address),
    host: address.host,
    async endpoints(name, namespace) {
      const request = create(EndpointsRequestSchema, { name, namespace });
      const { message, status } = await client.unary(endpointsMethod, request, options);
      if (message !== null) return { value: message.services.map(readService) };
      return status.code === Code.NOT_FOUND ? { value: [] } : { reason: explain(status) };
    },
    async status() {
      const request = create(StatusRequestSchema);
      const { message, status } = await client.unary(statusMethod, request, options);
      return message === null ? { reason: explain(status) } : { value: readStatus(message) };
    },
    close: () => client.close(),
  };
}

function explain({ code, message }: Status): string {
  const what = `${codeName(code)}: ${message}`;
  switch (code) {
    case Code.UNAVAILABLE:
    case Code.DEADLINE_EXCEEDED:
      return `${what}; start a control plane by heddle up, or name yours by --control`;
    case Code.UNIMPLEMENTED:
      return `${what}; this is no control plane of Heddle's, name one by --control`;
    default:
      return `${what}; is --control the address of a control plane?`;
  }
}

function methodOf<Input extends DescMessage, Output extends DescMessage>(
  method: DescMethodUnary<Input, Output>,
): Method<MessageShape<Input>, MessageShape<Output>> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    request: codecOf(method.input),
    response: codecOf(method.output),
  };
}

function codecOf<Desc extends DescMessage>(schema: Desc): MessageCodec<MessageShape<Desc>> {
  return {
    encode: (message) => toBinary(schema, message),
    decode: (bytes) => fromBinary(schema, bytes),
  };
}

function createEnv(): GrpcClientEnv {
  const io = new Io(systemClock, new Float64Array(2));
  const timers = new TimerWheel(systemClock);
  const meter = { readCell: 0, writeCell: 1 };
  return { io, timers, deadlines: new Deadlines(timers, io), meter };
}

let env: GrpcClientEnv | null = null;
const endpointsMethod = methodOf(View.method.endpoints);
const statusMethod = methodOf(View.method.status);
const answerBytesMax = 64 * 1024 * 1024;
const answerTimeoutMs = 5_000;
