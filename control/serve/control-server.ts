/**
 * The gRPC side of a control plane: one server with all of its services on the streams of all
 * connections. Who listens, and what the index knows, is the matter of `control/runtime.ts`.
 */

import type { Socket } from 'node:net';
import type { Clock } from '../../core/base/clock.ts';
import { Deadlines } from '../../core/base/deadlines.ts';
import { controlDrainMs, controlStreamsPerConnectionMax } from '../../core/base/limits.ts';
import { systemRandom } from '../../core/base/random.ts';
import { systemPause, systemTurn, type TimerWheel } from '../../core/base/timers.ts';
import { GrpcServer, type ServerSecurity } from '../../core/grpc/server.ts';
import { Code, type Status } from '../../core/grpc/status.ts';
import { Io } from '../../core/io/io.ts';
import type { MeshIndex } from '../index/mesh-index.ts';
import type { Authority } from '../issuer/authority.ts';
import type { JoinClaims, Refusal } from '../issuer/join-token.ts';
import type { TokenReviewer } from '../issuer/review-token.ts';
import { serveAuthority } from './authority.ts';
import { DestinationService } from './destination.ts';
import { IdentityService } from './identity.ts';
import { InboundService } from './inbound.ts';
import { type JoinRegistry, JoinService } from './joins.ts';
import type { ControlMetrics } from './metrics.ts';
import { OutboundService } from './outbound.ts';
import { Streams } from './streams.ts';
import { TrustService } from './trust.ts';
import { serveView, type ViewRegistry } from './view.ts';

interface ControlServerEnv {
  readonly index: MeshIndex;
  readonly registry: JoinRegistry & ViewRegistry;
  readonly metrics: ControlMetrics;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly authority: Authority;
  readonly reviewer: TokenReviewer;
  /** When our own leaf ends, in milliseconds since 1970. */
  readonly ownEndMs: () => number;
  /** Whether leaves have a name of SPIFFE as well. */
  readonly spiffe: boolean;
  readonly verify: (token: string, nowWallMs: number) => JoinClaims | Refusal;
  readonly clusterDomain: string;
  /** Where others reach us. */
  readonly address: () => string;
  readonly security: ServerSecurity;
  readonly onViolation: (peer: string, text: string) => void;
}

/** What ends all streams. */
interface Ending {
  end(status: Status): void;
}

export class ControlServer {
  readonly #server: GrpcServer;
  readonly #io: Io;
  readonly #services: readonly Ending[];
  readonly #metrics: ControlMetrics;
  readonly #identity: IdentityService;

  constructor(env: ControlServerEnv) {
    const { index, registry, metrics, clock, timers, verify } = env;
    this.#metrics = metrics;
    this.#io = new Io(clock, new Float64Array(2));
    const grpcEnv = {
      io: this.#io,
      timers,
      deadlines: new Deadlines(timers, this.#io),
      random: systemRandom(),
      meter: { readCell: 0, writeCell: 1 },
    };
    this.#server = new GrpcServer(grpcEnv, {
      callsPerConnectionMax: controlStreamsPerConnectionMax,
      onViolation: env.onViolation,
      security: env.security,
    });
    const streams = new Streams({ server: this.#server, timers, metrics, soon: systemTurn });
    const { authority, reviewer, spiffe } = env;
    this.#identity = new IdentityService({
      authority,
      reviewer,
      spiffe,
      streams,
      metrics,
      clock,
      soon: systemTurn,
    });
    this.#services = [
      this.#identity,
      new TrustService({ authority, streams, clock, timers }),
      new DestinationService(index, streams),
      new OutboundService(index, streams),
      new InboundService(index, streams),
      new JoinService({ registry, streams, metrics, clock, verify }),
    ];
    serveAuthority({ authority, streams, clock, verify, ownEndMs: env.ownEndMs });
    serveView({
      ...env,
      streams,
      startedWallMs: clock.wallMs(),
      nowWallMs: () => clock.wallMs(),
    });
  }

  accept(socket: Socket): void {
    this.#server.accept(socket);
  }

  /** Before a scrape. */
  sample(): void {
    this.#metrics.set('heddle_control_connections', {}, this.#server.connections);
    this.#metrics.set('heddle_control_certify_waiting', {}, this.#identity.waiting);
  }

  /** Sends clients elsewhere, with the reason, and waits for them to go, for a while. */
  async drain(): Promise<void> {
    this.#server.drain();
    for (const service of this.#services) service.end(leaving);
    for (let waitedMs = 0; waitedMs < controlDrainMs; waitedMs += lookMs) {
      if (this.#server.connections === 0) return;
      await systemPause(lookMs);
    }
  }

  close(): void {
    this.#server.close();
    this.#io.enter();
    this.#io.close();
    this.#io.leave();
  }
}

const lookMs = 20;
const leaving: Status = {
  code: Code.UNAVAILABLE,
  message: 'this control plane is ending; ask another one',
};
