/**
 * A network between the clients of proxies and the servers of control planes, in simulated time:
 * it delays what streams carry and keeps its order, as TCP does, cuts streams in the middle, lets
 * them go silent without a word, delivers a call twice, and is slow to take what is sent.
 */

import type { Clock } from '../../core/base/clock.ts';
import type { Random } from '../../core/base/random.ts';
import type { WakeSource } from '../../core/base/timers.ts';
import type { ControlClient } from '../../core/discover/control-channel.ts';
import type { CallListener, ClientCall } from '../../core/grpc/client-call.ts';
import { frameMessage } from '../../core/grpc/frame.ts';
import type { Method } from '../../core/grpc/method.ts';
import type { ServerCall } from '../../core/grpc/server-call.ts';
import { Code, type Status } from '../../core/grpc/status.ts';

/** Each a chance from 0 to 1. */
export interface Faults {
  /** A call never reaches its server. */
  readonly lost: number;
  /** A stream goes silent in the middle: nothing more arrives, and nobody is told. */
  readonly silenced: number;
  /** A stream is cut in the middle. */
  readonly cut: number;
  /** A server gets the call twice, one of which nobody listens to. */
  readonly doubled: number;
  /** A message is not taken at once. */
  readonly slow: number;
  readonly delayMaxMs: number;
}

export const noFaults: Faults = {
  lost: 0,
  silenced: 0,
  cut: 0,
  doubled: 0,
  slow: 0,
  delayMaxMs: 5,
};

export interface NetworkEnv {
  readonly clock: Clock;
  readonly random: Random;
  readonly wake: WakeSource;
  faults: Faults;
}

type Handler = (call: ServerCall<unknown, unknown>) => void;

/** What `Streams` needs of a server; `isUp` says whether anybody answers. */
export class SimServer {
  calls = 0;
  isUp = true;
  readonly #env: NetworkEnv;
  readonly #handlers = new Map<string, { method: Method<unknown, unknown>; handler: Handler }>();
  readonly #streams = new Set<SimStream>();

  constructor(env: NetworkEnv) {
    this.#env = env;
  }

  handle<Request, Response>(
    method: Method<Request, Response>,
    handler: (call: ServerCall<Request, Response>) => void,
  ): void {
    const known = { method, handler } as unknown as {
      method: Method<unknown, unknown>;
      handler: Handler;
    };
    this.#handlers.set(method.path, known);
  }

  enter(): void {}

  leave(): void {}

  /** Everything that is open ends, as when a process is killed. */
  stop(): void {
    this.isUp = false;
    for (const stream of Array.from(this.#streams)) stream.cut('the server has gone');
    this.#handlers.clear();
  }

  open(stream: SimStream): void {
    this.#streams.add(stream);
    this.calls += 1;
  }

  closed(stream: SimStream): void {
    if (this.#streams.delete(stream)) this.calls -= 1;
  }

  /** Hands a call to its handler, with the request's bytes. */
  serve(stream: SimStream, path: string, bytes: Uint8Array): void {
    const known = this.#handlers.get(path);
    if (known === undefined) {
      stream.end({ code: Code.UNIMPLEMENTED, message: path });
      return;
    }
    stream.encode = (message) => frameMessage(known.method.response, message);
    known.handler(stream);
    const request = known.method.request.decode(bytes);
    if (request === null) stream.end({ code: Code.INVALID_ARGUMENT, message: 'malformed' });
    else stream.onMessage(request);
  }

  chance(share: number): boolean {
    return share > 0 && this.#env.random.float() < share;
  }
}

/** One client of one server, as `core/discover` uses it. */
export function simClient(env: NetworkEnv, find: () => SimServer | null): ControlClient {
  const open = new Set<SimStream>();
  return {
    call<Request, Response>(
      method: Method<Request, Response>,
      listener: CallListener<Response>,
    ): ClientCall<Request> {
      const stream = new SimStream(env, find(), {
        bytes: (bytes) => {
          const message = method.response.decode(bytes);
          if (message !== null) listener.onMessage(message);
        },
        end: (status) => {
          open.delete(stream);
          listener.onEnd(status);
        },
      });
      open.add(stream);
      return {
        queuedBytes: 0,
        send: (message) => stream.request(method.path, method.request.encode(message)),
        end: () => undefined,
        cancel: () => stream.cancel(),
      };
    },
    close() {
      for (const stream of Array.from(open)) stream.cancel();
    },
  };
}

interface ClientSide {
  bytes(bytes: Uint8Array): void;
  end(status: Status): void;
}

/** A call on its way through the network, in both directions. */
class SimStream implements ServerCall<unknown, unknown> {
  encode: (message: unknown) => Buffer = () => Buffer.alloc(0);
  readonly peer = '10.0.0.1:1';
  readonly deadlineMs = Number.POSITIVE_INFINITY;
  onMessage: (message: unknown) => void = nothing;
  onHalfClose: () => void = nothing;
  onCancel: () => void = nothing;
  onDrain: () => void = nothing;
  readonly #env: NetworkEnv;
  readonly #server: SimServer | null;
  readonly #client: ClientSide | null;
  /** What is on its way to the client arrives in its order. */
  #lastArrivalMs = 0;
  #silent = false;
  #clientOver = false;
  #serverOver = false;
  #queued = 0;

  constructor(env: NetworkEnv, server: SimServer | null, client: ClientSide | null) {
    this.#env = env;
    this.#server = server;
    this.#client = client;
  }

  get queuedBytes(): number {
    return this.#queued;
  }

  get congested(): boolean {
    return this.#queued > 0;
  }

  get isOver(): boolean {
    return this.#serverOver;
  }

  metadata(): null {
    return null;
  }

  send(message: unknown): void {
    this.sendFrame(this.encode(message));
  }

  abort(): void {
    this.end({ code: Code.RESOURCE_EXHAUSTED, message: 'aborted' });
  }

  request(path: string, bytes: Uint8Array): void {
    const server = this.#server;
    if (server === null || !server.isUp) {
      this.#after(() => this.#tellEnd({ code: Code.UNAVAILABLE, message: 'nobody is there' }));
      return;
    }
    if (server.chance(this.#env.faults.lost)) return;
    if (server.chance(this.#env.faults.doubled)) {
      const twin = new SimStream(this.#env, server, null);
      twin.#after(() => twin.#arrive(path, bytes));
    }
    this.#after(() => this.#arrive(path, bytes));
  }

  cancel(): void {
    if (this.#clientOver) return;
    this.#clientOver = true;
    this.#client?.end({ code: Code.CANCELLED, message: 'cancelled' });
    this.#after(() => this.#leaveServer());
  }

  cut(reason: string): void {
    this.#leaveServer();
    this.#after(() => this.#tellEnd({ code: Code.UNAVAILABLE, message: reason }));
  }

  #arrive(path: string, bytes: Uint8Array): void {
    const server = this.#server;
    if (server === null || this.#clientOver) return;
    if (!server.isUp) {
      this.#tellEnd({ code: Code.UNAVAILABLE, message: 'it has gone meanwhile' });
      return;
    }
    server.open(this);
    server.serve(this, path, bytes);
  }

  sendFrame(frame: Buffer): void {
    const server = this.#server;
    if (this.#serverOver || server === null) return;
    const { faults } = this.#env;
    if (server.chance(faults.cut)) {
      this.cut('cut');
      return;
    }
    this.#silent ||= server.chance(faults.silenced);
    if (server.chance(faults.slow)) {
      this.#queued += frame.length;
      this.#env.wake(() => this.#drain(), this.#env.random.float() * slowMaxMs);
    }
    this.#after(() => {
      if (!this.#clientOver && !this.#silent) this.#client?.bytes(frame.subarray(prefixBytes));
    });
  }

  #drain(): void {
    this.#queued = 0;
    if (!this.#serverOver) this.onDrain();
  }

  end(status: Status): void {
    if (this.#serverOver) return;
    this.#serverOver = true;
    this.#server?.closed(this);
    this.#after(() => this.#tellEnd(status));
  }

  #leaveServer(): void {
    if (this.#serverOver) return;
    this.#serverOver = true;
    this.#server?.closed(this);
    this.onCancel();
  }

  #tellEnd(status: Status): void {
    if (this.#clientOver || this.#silent) return;
    this.#clientOver = true;
    this.#client?.end(status);
  }

  /** Behind everything that was sent before. */
  #after(run: () => void): void {
    const { clock, random, faults, wake } = this.#env;
    const nowMs = clock.monotonicMs();
    const dueMs = Math.max(nowMs + random.float() * faults.delayMaxMs, this.#lastArrivalMs);
    this.#lastArrivalMs = dueMs;
    wake(run, dueMs - nowMs);
  }
}

function nothing(): undefined {}

const prefixBytes = 5;
const slowMaxMs = 5_000;
