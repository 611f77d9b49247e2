/** The compared server on grpc-js: a message that many get is encoded once here, too. */

import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type handleServerStreamingCall,
  Server,
  ServerCredentials,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import {
  type GetDestination,
  GetDestinationSchema,
  UpdateSchema,
} from '../../api/gen/control/destination_pb.ts';
import { changeUpdate, firstUpdate, serveBench } from './served.ts';

const watchers = new Map<string, Set<ServerWritableStream<GetDestination, Buffer>>>();
const first = Buffer.from(toBinary(UpdateSchema, firstUpdate()));

const handle: handleServerStreamingCall<GetDestination, Buffer> = (call) => {
  const { path } = call.request;
  const calls = watchers.get(path) ?? new Set();
  watchers.set(path, calls.add(call));
  call.on('cancelled', () => calls.delete(call));
  call.on('error', () => calls.delete(call));
  call.write(first);
};

const server = new Server({ 'grpc.max_concurrent_streams': 1000 });
server.addService(
  {
    Get: {
      path: '/io.linkerd.proxy.destination.Destination/Get',
      requestStream: false,
      responseStream: true,
      requestSerialize: () => Buffer.alloc(0),
      requestDeserialize: (bytes: Buffer) => fromBinary(GetDestinationSchema, bytes),
      responseSerialize: (bytes: Buffer) => bytes,
      responseDeserialize: (bytes: Buffer) => bytes,
    },
  },
  { Get: handle },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  serveBench(port, (path, endpointPort) => {
    const bytes = Buffer.from(toBinary(UpdateSchema, changeUpdate(endpointPort)));
    for (const call of watchers.get(path) ?? []) call.write(bytes);
  });
});
