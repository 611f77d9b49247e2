/**
 * What all streams of a control plane have in common: their number is bounded, they are counted by
 * method, and each belongs to a proxy that is shown.
 */

import { controlStreamsMax } from '../../core/base/limits.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import type { Method } from '../../core/grpc/method.ts';
import type { GrpcServer } from '../../core/grpc/server.ts';
import type { ServerCall } from '../../core/grpc/server-call.ts';
import { Code, codeName, type Status } from '../../core/grpc/status.ts';
import type { BroadcastEnv } from './broadcast.ts';
import type { ControlMetrics } from './metrics.ts';
import { ProxyTable } from './proxy-table.ts';

interface StreamsEnv {
  readonly server: Pick<GrpcServer, 'handle' | 'calls' | 'enter' | 'leave'>;
  readonly timers: TimerWheel;
  readonly metrics: ControlMetrics;
  /** Runs it when the events that are under way are over. */
  readonly soon: (run: () => void) => void;
}

export class Streams {
  readonly proxies = new ProxyTable();
  readonly #env: StreamsEnv;
  #open = 0;

  constructor(env: StreamsEnv) {
    this.#env = env;
  }

  get open(): number {
    return this.#open;
  }

  /** Serves calls of a method: `handle` gets the one request of each. */
  serve<Request, Response>(
    method: Method<Request, Response>,
    handle: (call: ServerCall<Request, Response>, request: Request) => void,
  ): void {
    const { server } = this.#env;
    server.handle(method, (call) => {
      if (server.calls > controlStreamsMax) {
        this.refuse(method, call, full);
        return;
      }
      call.onMessage = (request) => {
        call.onMessage = nothing;
        call.onHalfClose = nothing;
        handle(call, request);
      };
      call.onHalfClose = () => this.refuse(method, call, noRequest);
    });
  }

  /** Counts a stream until the returned function is called. */
  opened(method: { readonly path: string }): () => void {
    this.#count(method, 1);
    return () => this.#count(method, -1);
  }

  /** The same for a stream of a proxy, which is shown with what it says of itself. */
  watched(
    method: { readonly path: string },
    peer: string,
    told: Parameters<ProxyTable['opened']>[1],
  ): () => void {
    const closed = this.proxies.opened(peer, told);
    const ended = this.opened(method);
    return () => {
      closed();
      ended();
    };
  }

  refuse(
    method: { readonly path: string },
    call: Pick<ServerCall<never, never>, 'end'>,
    status: Status,
  ): void {
    const labels = { method: shortName(method), code: codeName(status.code) };
    this.#env.metrics.count('heddle_control_refused_total', labels);
    call.end(status);
  }

  broadcastEnv(method: { readonly path: string }): BroadcastEnv {
    const { timers, metrics, soon } = this.#env;
    const labels = { method: shortName(method) };
    return {
      timers,
      soon,
      onSent: (messages) => metrics.count('heddle_control_messages_total', labels, messages),
      onSlow: () => metrics.count('heddle_control_slow_streams_total', labels),
    };
  }

  #count(method: { readonly path: string }, change: number): void {
    this.#open += change;
    this.#env.metrics.add('heddle_control_streams', { method: shortName(method) }, change);
  }
}

/** `Destination/Get` */
function shortName({ path }: { readonly path: string }): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

function nothing(): undefined {}

const full: Status = {
  code: Code.RESOURCE_EXHAUSTED,
  message: `this control plane has ${controlStreamsMax} streams; ask another one`,
};
const noRequest: Status = { code: Code.INVALID_ARGUMENT, message: 'the call has no request' };
