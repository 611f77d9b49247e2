/**
 * Registry.Join: a process is there as long as its stream. What it announces needs a token for the
 * name, and an address that it cannot take from others: of the loopback, or one whose proxy proves
 * an identity, which nobody else can.
 */

import { create } from '@bufbuild/protobuf';
import {
  type JoinRequest,
  type JoinResponse,
  JoinResponseSchema,
  type Registration as RegistrationMessage,
} from '../../api/gen/control/registry_pb.ts';
import type { Protocol } from '../../api/snapshot.ts';
import type { Clock } from '../../core/base/clock.ts';
import { joinsPerConnectionMax, registryLeaseMs } from '../../core/base/limits.ts';
import type { ServerCall } from '../../core/grpc/server-call.ts';
import { Code, type Status } from '../../core/grpc/status.ts';
import type { JoinClaims, Refusal } from '../issuer/join-token.ts';
import { refuseName } from '../issuer/join-token.ts';
import { isLoopback } from '../model/address.ts';
import type { Registration } from '../model/registration.ts';
import { registryJoin } from './methods.ts';
import type { ControlMetrics } from './metrics.ts';
import { addressOf } from './net.ts';
import type { Streams } from './streams.ts';

type Call = ServerCall<JoinRequest, JoinResponse>;

/** Where those who join are kept; `connection` is a number of the stream's own. */
export interface JoinRegistry {
  join(
    registration: Registration,
    connection: number,
  ): { readonly warning: string } | { readonly refused: string };
  setServing(connection: number, serving: boolean): void;
  disconnected(connection: number): void;
}

interface JoinsEnv {
  readonly registry: JoinRegistry;
  readonly streams: Streams;
  readonly metrics: ControlMetrics;
  readonly clock: Clock;
  /** Reads a token, as `verifyJoinToken` does with the key of this control plane. */
  readonly verify: (token: string, nowWallMs: number) => JoinClaims | Refusal;
}

export class JoinService {
  readonly #env: JoinsEnv;
  /** Joined processes of each connection. */
  readonly #byPeer = new Map<string, number>();
  readonly #calls = new Set<Call>();
  #nextConnection = 1;

  constructor(env: JoinsEnv) {
    this.#env = env;
    env.streams.serve(registryJoin, (call, first) => this.#open(call, first));
  }

  /** Ends all streams; the leases of those that have joined begin. */
  end(status: Status): void {
    for (const call of Array.from(this.#calls)) {
      call.onCancel();
      call.end(status);
    }
  }

  #open(call: Call, first: JoinRequest): void {
    const { registry, streams } = this.#env;
    const connection = this.#nextConnection++;
    const refused = this.#join(call, first, connection);
    if (refused !== null) {
      const [result, status] = refused;
      this.#env.metrics.count('heddle_control_joins_total', { result });
      streams.refuse(registryJoin, call, status);
      return;
    }
    this.#calls.add(call);
    const closed = this.#count(call.peer);
    const onEnd = streams.opened(registryJoin);
    call.onCancel = () => {
      call.onCancel = nothing;
      this.#calls.delete(call);
      registry.disconnected(connection);
      closed();
      onEnd();
    };
    call.onMessage = ({ kind }) => {
      if (kind.case === 'state') registry.setServing(connection, kind.value.serving);
      else if (kind.case === 'registration') this.#leave(call, secondRegistration);
    };
    call.onHalfClose = () => this.#leave(call, { code: Code.OK, message: '' });
  }

  #leave(call: Call, status: Status): void {
    call.onCancel();
    call.end(status);
  }

  /** Answers; or why not, for the metric and for the process. */
  #join(call: Call, { kind }: JoinRequest, connection: number): Refused | null {
    if (kind.case !== 'registration') return ['malformed', noRegistration];
    const message = kind.value;
    if ((this.#byPeer.get(call.peer) ?? 0) >= joinsPerConnectionMax) return ['full', tooMany];
    const claims = this.#env.verify(message.token, this.#env.clock.wallMs());
    if ('refusal' in claims) {
      return ['token', { code: Code.UNAUTHENTICATED, message: claims.refusal }];
    }
    const otherName = refuseName(claims, message.namespace, message.service);
    if (otherName !== null) return ['name', { code: Code.PERMISSION_DENIED, message: otherName }];
    const registration = readRegistration(message);
    if (registration === null) return ['malformed', noAddress];
    const { host, inboundPort = 0 } = registration;
    if (inboundPort === 0 && !isLoopback(host)) return ['address', withoutIdentity(host)];
    const result = this.#env.registry.join(registration, connection);
    if ('refused' in result) {
      return ['refused', { code: Code.INVALID_ARGUMENT, message: result.refused }];
    }
    this.#env.metrics.count('heddle_control_joins_total', { result: 'accepted' });
    const { warning } = result;
    call.send(create(JoinResponseSchema, { leaseMs: registryLeaseMs, warning }));
    return null;
  }

  #count(peer: string): () => void {
    this.#byPeer.set(peer, (this.#byPeer.get(peer) ?? 0) + 1);
    return () => {
      const left = (this.#byPeer.get(peer) ?? 0) - 1;
      if (left > 0) this.#byPeer.set(peer, left);
      else this.#byPeer.delete(peer);
    };
  }
}

type Refused = readonly [result: string, status: Status];

/** What is wrong with a field the registry says; null where there is no address at all. */
function readRegistration(message: RegistrationMessage): Registration | null {
  const address = addressOf(message.address);
  if (address === null) return null;
  const { instance, namespace, service, servicePort, zone, admin, version, inboundPort } = message;
  return {
    instance,
    namespace,
    service,
    servicePort,
    protocol: (message.protocol || 'auto') as Protocol,
    ...address,
    weight: (message.weight || weightUnit) / weightUnit,
    zone,
    admin,
    version,
    ...(inboundPort !== 0 && { inboundPort }),
  };
}

function nothing(): undefined {}

function withoutIdentity(host: string): Status {
  const message =
    `address: ${host} is not of the loopback, and traffic to other hosts is for proxies with an ` +
    'identity; announce 127.0.0.1, or the inbound port of a proxy that has one';
  return { code: Code.FAILED_PRECONDITION, message };
}

const weightUnit = 10_000;
const noRegistration: Status = {
  code: Code.INVALID_ARGUMENT,
  message: 'the first request of Join is a registration',
};
const secondRegistration: Status = {
  code: Code.INVALID_ARGUMENT,
  message: 'only the first request of Join is a registration',
};
const noAddress: Status = {
  code: Code.INVALID_ARGUMENT,
  message: 'address: expected an IPv4 or IPv6 address with a port from 1 to 65535',
};
const tooMany: Status = {
  code: Code.RESOURCE_EXHAUSTED,
  message: `${joinsPerConnectionMax} processes have joined over this connection; open another one`,
};
