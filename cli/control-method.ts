/** Methods of control planes as `core/grpc` wants them, made from their descriptions. */

import {
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import type { Clock } from '../core/base/clock.ts';
import { Deadlines } from '../core/base/deadlines.ts';
import type { TimerWheel } from '../core/base/timers.ts';
import type { GrpcClientEnv } from '../core/grpc/client.ts';
import type { MessageCodec, Method } from '../core/grpc/method.ts';
import { Io } from '../core/io/io.ts';

export function methodOf<Input extends DescMessage, Output extends DescMessage>(
  method: DescMethod & { input: Input; output: Output },
): Method<MessageShape<Input>, MessageShape<Output>> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    request: codecOf(method.input),
    response: codecOf(method.output),
  };
}

/** Connections to all control planes of a command; nobody reads their byte counts. */
export function createGrpcEnv(clock: Clock, timers: TimerWheel): GrpcClientEnv {
  const io = new Io(clock, new Float64Array(2));
  const meter = { readCell: 0, writeCell: 1 };
  return { io, timers, deadlines: new Deadlines(timers, io), meter };
}

function codecOf<Desc extends DescMessage>(schema: Desc): MessageCodec<MessageShape<Desc>> {
  return {
    encode: (message) => toBinary(schema, message),
    decode: (bytes) => fromBinary(schema, bytes),
  };
}
