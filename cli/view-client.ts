/** Asks control planes what they know (`heddle.view.v1`). Answers are bounded in size and time. */

import { create } from '@bufbuild/protobuf';
import { EndpointsRequestSchema, StatusRequestSchema } from '../api/gen/control/view_pb.ts';
import type { Address } from '../api/settings.ts';
import { formatAddress } from '../control/model/address.ts';
import { viewEndpoints, viewStatus } from '../control/serve/methods.ts';
import { systemClock } from '../core/base/clock.ts';
import { TimerWheel } from '../core/base/timers.ts';
import { GrpcClient, type GrpcClientEnv } from '../core/grpc/client.ts';
import { Code, codeName, type Status } from '../core/grpc/status.ts';
import { createGrpcEnv } from './grpc-env.ts';
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
  env ??= createGrpcEnv(systemClock, new TimerWheel(systemClock));
  const client = new GrpcClient(env, address);
  const options = { deadlineMs: answerTimeoutMs };
  return {
    address: formatAddress(address),
    host: address.host,
    async endpoints(name, namespace) {
      const request = create(EndpointsRequestSchema, { name, namespace });
      const { message, status } = await client.unary(viewEndpoints, request, options);
      if (message !== null) return { value: message.services.map(readService) };
      return status.code === Code.NOT_FOUND
        ? { value: [] }
        : { reason: explain(status, client.address) };
    },
    async status() {
      const request = create(StatusRequestSchema);
      const { message, status } = await client.unary(viewStatus, request, options);
      return message === null
        ? { reason: explain(status, client.address) }
        : { value: readStatus(message) };
    },
    close: () => client.close(),
  };
}

/** What our own side says begins with the address; a control plane gives its own advice. */
function explain({ code, message }: Status, address: string): string {
  const what = `${codeName(code)}: ${message}`;
  if (code === Code.UNIMPLEMENTED) {
    return `${what}; this is no control plane of Heddle's, name one by --control`;
  }
  if (!message.startsWith(`${address}: `)) return `${what} (${address})`;
  return code === Code.UNAVAILABLE || code === Code.DEADLINE_EXCEEDED
    ? `${what}; start a control plane by heddle up, or name yours by --control`
    : `${what}; is --control the address of a control plane?`;
}

let env: GrpcClientEnv | null = null;
const answerTimeoutMs = 5_000;
