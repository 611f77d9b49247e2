/**
 * Asks control planes what they know (`heddle.view.v1`), and about the certificates of the mesh
 * (`heddle.identity.v1`). Answers are bounded in size and time.
 */

import { create } from '@bufbuild/protobuf';
import {
  StatusRequestSchema as AuthorityRequestSchema,
  type AuthorityStatus,
  RepairRequestSchema,
  RotateIssuerRequestSchema,
  RotateRequestSchema,
} from '../api/gen/control/authority_pb.ts';
import { EndpointsRequestSchema, StatusRequestSchema } from '../api/gen/control/view_pb.ts';
import type { Address } from '../api/settings.ts';
import { formatAddress, isLoopback, splitPort } from '../control/model/address.ts';
import {
  authorityRepair,
  authorityRotate,
  authorityRotateIssuer,
  authorityStatus,
  viewEndpoints,
  viewStatus,
} from '../control/serve/methods.ts';
import { systemClock } from '../core/base/clock.ts';
import { TimerWheel } from '../core/base/timers.ts';
import { GrpcClient, type GrpcClientEnv } from '../core/grpc/client.ts';
import type { Method } from '../core/grpc/method.ts';
import { Code, codeName, type Status } from '../core/grpc/status.ts';
import { type AuthorityView, readAuthority } from './authority-messages.ts';
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
  authority(): Promise<ViewAnswer<AuthorityView>>;
  /** `token` gives the right to any name; `force` goes on without who has not confirmed. */
  rotate(token: string, force: boolean): Promise<ViewAnswer<AuthorityView>>;
  rotateIssuer(token: string): Promise<ViewAnswer<AuthorityView>>;
  repair(token: string): Promise<ViewAnswer<AuthorityView>>;
  close(): void;
}

/** Nothing is dialled before it is asked. */
export function createViewClient(address: Address): ViewClient {
  env ??= createGrpcEnv(systemClock, new TimerWheel(systemClock));
  const client = new GrpcClient(env, address);
  const options = { deadlineMs: answerTimeoutMs };
  const askAuthority = async <Request>(
    method: Method<Request, AuthorityStatus>,
    request: Request,
  ): Promise<ViewAnswer<AuthorityView>> => {
    const { message, status } = await client.unary(method, request, options);
    return message === null
      ? { reason: explain(status, client.address) }
      : { value: readAuthority(message) };
  };
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
    authority: () => askAuthority(authorityStatus, create(AuthorityRequestSchema)),
    rotate: (token, force) =>
      askAuthority(authorityRotate, create(RotateRequestSchema, { token, force })),
    rotateIssuer: (token) =>
      askAuthority(authorityRotateIssuer, create(RotateIssuerRequestSchema, { token })),
    repair: (token) => askAuthority(authorityRepair, create(RepairRequestSchema, { token })),
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
  if (!isLoopback(splitPort(address)?.name ?? '')) {
    return `${what}; a control plane answers commands on its own host: ask there, on 127.0.0.1`;
  }
  return code === Code.UNAVAILABLE || code === Code.DEADLINE_EXCEEDED
    ? `${what}; start a control plane by heddle up, or name yours by --control`
    : `${what}; is --control the address of a control plane?`;
}

let env: GrpcClientEnv | null = null;
const answerTimeoutMs = 5_000;
