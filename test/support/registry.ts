/**
 * A control plane that has the registry alone, on a real port: it writes down what is announced,
 * and answers as it is told.
 */

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  type JoinRequest,
  type JoinResponse,
  JoinResponseSchema,
  type Registration,
} from '../../api/gen/control/registry_pb.ts';
import { createGrpcEnv } from '../../cli/grpc-env.ts';
import { registryJoin } from '../../control/serve/methods.ts';
import { systemClock } from '../../core/base/clock.ts';
import { seededRandom } from '../../core/base/random.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { GrpcServer } from '../../core/grpc/server.ts';
import type { ServerCall } from '../../core/grpc/server-call.ts';
import type { Status } from '../../core/grpc/status.ts';
import { cleanUp } from './cleanup.ts';

type JoinCall = ServerCall<JoinRequest, JoinResponse>;

export interface RegistryOptions {
  readonly port?: number;
  /** What every stream ends with at once. */
  readonly refusal?: Status;
  /** Answers the registration, and nothing after it. */
  readonly isMute?: boolean;
  readonly warning?: string;
}

interface TestRegistry {
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly address: string;
  /** In their order. */
  readonly registrations: readonly Registration[];
  /** Ends all streams and connections, and listens no more. */
  close(): Promise<void>;
}

/** `onEvent` hears `call`, `join`, `serving`, `not serving`, `left` and `gone`. */
export async function startRegistry(
  t: TestContext,
  onEvent: (event: string) => void,
  options: RegistryOptions = {},
): Promise<TestRegistry> {
  const timers = new TimerWheel(systemClock);
  const grpc = new GrpcServer({ ...createGrpcEnv(systemClock, timers), random: seededRandom(1) });
  const registrations: Registration[] = [];
  grpc.handle(registryJoin, (call: JoinCall) => {
    onEvent('call');
    if (options.refusal !== undefined) {
      call.end(options.refusal);
      return;
    }
    call.onMessage = ({ kind }) => {
      if (kind.case === 'registration') {
        const { warning = '' } = options;
        registrations.push(kind.value);
        onEvent('join');
        call.send(create(JoinResponseSchema, { leaseMs: 10_000, warning }));
      } else if (kind.case === 'state') {
        onEvent(kind.value.serving ? 'serving' : 'not serving');
      }
    };
    call.onHalfClose = () => {
      onEvent('left');
      if (options.isMute !== true) call.end({ code: 0, message: '' });
    };
    call.onCancel = () => onEvent('gone');
  });
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    grpc.accept(socket);
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    grpc.close();
    server.close();
    await once(server, 'close');
    timers.close();
  };
  cleanUp(t, close);
  return { port, address: `127.0.0.1:${port}`, registrations, close };
}
