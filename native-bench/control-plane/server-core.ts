/** The compared server on `core/grpc`: a message that many get is encoded once. */

import { createServer } from 'node:net';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type GetDestination,
  GetDestinationSchema,
  type Update,
  UpdateSchema,
} from '../../api/gen/control/destination_pb.ts';
import { systemClock as clock } from '../../core/base/clock.ts';
import { Deadlines } from '../../core/base/deadlines.ts';
import { systemRandom } from '../../core/base/random.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { frameMessage } from '../../core/grpc/frame.ts';
import { GrpcServer } from '../../core/grpc/server.ts';
import type { ServerCall } from '../../core/grpc/server-call.ts';
import { Io } from '../../core/io/io.ts';
import { changeUpdate, firstUpdate, serveBench } from './served.ts';

const codec = {
  encode: (message: Update) => toBinary(UpdateSchema, message),
  decode: (): Update => create(UpdateSchema),
};
const get = {
  path: '/io.linkerd.proxy.destination.Destination/Get',
  request: {
    encode: () => new Uint8Array(0),
    decode: (bytes: Uint8Array): GetDestination => fromBinary(GetDestinationSchema, bytes),
  },
  response: codec,
};

const timers = new TimerWheel(clock);
const io = new Io(clock, new Float64Array(2));
const server = new GrpcServer({
  io,
  timers,
  deadlines: new Deadlines(timers, io),
  random: systemRandom(),
  meter: { readCell: 0, writeCell: 1 },
});
const watchers = new Map<string, Set<ServerCall<GetDestination, Update>>>();
const first = frameMessage(codec, firstUpdate());

server.handle(get, (call) => {
  call.onMessage = ({ path }) => {
    const calls = watchers.get(path) ?? new Set();
    watchers.set(path, calls.add(call));
    call.onCancel = () => calls.delete(call);
    call.sendFrame(first);
  };
});

const listener = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
  server.accept(socket);
});
listener.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  const address = listener.address();
  serveBench(typeof address === 'object' ? (address?.port ?? 0) : 0, (path, endpointPort) => {
    const frame = frameMessage(codec, changeUpdate(endpointPort));
    for (const call of watchers.get(path) ?? []) call.sendFrame(frame);
  });
});
