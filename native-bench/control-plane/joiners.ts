/** Endpoints that join a control plane, each on a connection of its own as a process would. */

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type JoinRequest,
  JoinRequestSchema,
  type JoinResponse,
  JoinResponseSchema,
} from '../../api/gen/control/registry_pb.ts';
import { GrpcClient, type GrpcClientEnv } from '../../core/grpc/client.ts';
import type { FromWatchers, ToWatchers } from './messages.ts';

const join = {
  path: '/heddle.registry.v1.Registry/Join',
  request: {
    encode: (message: JoinRequest) => toBinary(JoinRequestSchema, message),
    decode: () => null,
  },
  response: {
    encode: () => new Uint8Array(0),
    decode: (bytes: Uint8Array): JoinResponse => fromBinary(JoinResponseSchema, bytes),
  },
};

type JoinOrder = Extract<ToWatchers, { kind: 'join' }>;

export function joinAll(
  env: GrpcClientEnv,
  { port, joins }: JoinOrder,
  tell: (message: FromWatchers) => void,
): void {
  let left = joins.length;
  for (const { service, token, endpointPort } of joins) {
    const client = new GrpcClient(env, { host: '127.0.0.1', port });
    let isFirst = true;
    const call = client.call(join, {
      onMessage() {
        if (!isFirst) return;
        isFirst = false;
        left -= 1;
        if (left === 0) tell({ kind: 'joined' });
      },
      onEnd: ({ code, message }) => tell({ kind: 'failed', reason: `join: ${code} ${message}` }),
    });
    const registration = {
      token,
      instance: `${service}-${endpointPort}`,
      namespace: 'default',
      service,
      servicePort: 80,
      protocol: 'auto',
      address: { ip: { ip: { case: 'ipv4' as const, value: 0x7f000001 } }, port: endpointPort },
      weight: 10_000,
    };
    call.send(create(JoinRequestSchema, { kind: { case: 'registration', value: registration } }));
    call.send(create(JoinRequestSchema, { kind: { case: 'state', value: { serving: true } } }));
  }
}
