/** A control plane that answers what commands ask with what a test says. */

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { TestContext } from 'node:test';
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from '@bufbuild/protobuf';
import {
  Authority,
  AuthorityStatusSchema,
  type RepairRequest,
  type RotateIssuerRequest,
  type RotateRequest,
} from '../../api/gen/control/authority_pb.ts';
import {
  type EndpointsRequest,
  EndpointsResponseSchema,
  StatusResponseSchema,
  View,
} from '../../api/gen/control/view_pb.ts';
import { systemClock } from '../../core/base/clock.ts';
import { Deadlines } from '../../core/base/deadlines.ts';
import { seededRandom } from '../../core/base/random.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { GrpcServer } from '../../core/grpc/server.ts';
import { okStatus, type Status } from '../../core/grpc/status.ts';
import { Io } from '../../core/io/io.ts';
import { cleanUp } from './cleanup.ts';

type Endpoints = MessageInitShape<typeof EndpointsResponseSchema>;
type StatusAnswer = MessageInitShape<typeof StatusResponseSchema>;

type AuthorityAnswer = MessageInitShape<typeof AuthorityStatusSchema>;

interface FakeView {
  readonly port: number;
  readonly address: string;
  /** What it was asked for. */
  readonly asked: EndpointsRequest[];
}

interface Answers {
  /** Each may answer with a status in place of a message. */
  readonly endpoints?: (request: EndpointsRequest) => Endpoints | Status;
  readonly status?: () => StatusAnswer | Status;
  readonly authority?: () => AuthorityAnswer | Status;
  /** To rotate and to repair; only the former has `force`. */
  readonly change?: (
    request: RotateRequest | RotateIssuerRequest | RepairRequest,
  ) => AuthorityAnswer | Status;
}

/** A method without an answer is not implemented. */
export async function startFakeView(t: TestContext, answers: Answers): Promise<FakeView> {
  const io = new Io(systemClock, new Float64Array(2));
  const timers = new TimerWheel(systemClock);
  const server = new GrpcServer({
    io,
    timers,
    deadlines: new Deadlines(timers, io),
    random: seededRandom(1),
    meter: { readCell: 0, writeCell: 1 },
  });
  const asked: EndpointsRequest[] = [];
  const { endpoints, status, authority, change } = answers;
  if (endpoints !== undefined) {
    handle(server, View.method.endpoints, EndpointsResponseSchema, (request) => {
      asked.push(request);
      return endpoints(request);
    });
  }
  if (status !== undefined) handle(server, View.method.status, StatusResponseSchema, status);
  const { status: ask, rotate, rotateIssuer, repair } = Authority.method;
  if (authority !== undefined) handle(server, ask, AuthorityStatusSchema, authority);
  if (change !== undefined) {
    handle(server, rotate, AuthorityStatusSchema, change);
    handle(server, rotateIssuer, AuthorityStatusSchema, change);
    handle(server, repair, AuthorityStatusSchema, change);
  }
  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    server.accept(socket);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  cleanUp(t, () => {
    server.close();
    listener.close();
    timers.close();
  });
  const { port } = listener.address() as AddressInfo;
  return { port, address: `127.0.0.1:${port}`, asked };
}

function handle<Input extends DescMessage, Output extends DescMessage>(
  server: GrpcServer,
  method: DescMethodUnary<Input, Output>,
  schema: Output,
  answer: (request: never) => MessageInitShape<Output> | Status,
): void {
  const codec = {
    path: `/${method.parent.typeName}/${method.name}`,
    request: {
      encode: () => new Uint8Array(),
      decode: (bytes: Uint8Array) => fromBinary(method.input, bytes),
    },
    response: { encode: (bytes: Uint8Array) => bytes, decode: () => null },
  };
  server.handle(codec, (call) => {
    call.onMessage = (request) => {
      const answered = answer(request as never);
      if ('code' in answered) {
        call.end(answered as Status);
        return;
      }
      call.send(toBinary(schema, create(schema, answered)));
      call.end(okStatus);
    };
  });
}
