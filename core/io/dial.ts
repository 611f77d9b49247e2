/** Connecting to an endpoint, bounded in time. */

import type { Address } from '../../api/settings.ts';
import type { ErrorCode } from '../base/errors.ts';
import { connectErrorCode } from '../base/node-error.ts';
import { systemTurn, Timer, type TimerOwner, type TimerWheel } from '../base/timers.ts';
import type { Attempt, Connector, Io } from './io.ts';
import type { Meter, Socket } from './socket.ts';
import { nobody } from './socket-owner.ts';
import type { Tune } from './tcp-options.ts';

interface DialContext {
  readonly io: Io;
  readonly timers: TimerWheel;
  readonly connectTimeoutMs: number;
  /** Sets the options of each connection. */
  readonly tune?: Tune | null;
}

/** Hears of the outcome, in an event; exactly one of the two, and neither after `abort`. */
export interface DialOwner {
  dialled(socket: Socket): void;
  dialFailed(code: ErrorCode, detail: string): void;
}

export class Dial implements Connector, TimerOwner {
  readonly #context: DialContext;
  readonly #owner: DialOwner;
  readonly #timer = new Timer(this);
  readonly #attempt: Attempt;
  #over = false;

  constructor(context: DialContext, owner: DialOwner, address: Address, meter: Meter) {
    this.#context = context;
    this.#owner = owner;
    context.timers.arm(this.#timer, context.connectTimeoutMs);
    this.#attempt = context.io.connect(address, nobody, meter, this, context.tune);
  }

  abort(): void {
    this.#end();
    this.#attempt.abort();
  }

  onConnect(socket: Socket): void {
    this.#end();
    this.#owner.dialled(socket);
  }

  onConnectError(code: string): void {
    this.#end();
    this.#owner.dialFailed(connectErrorCode(code), code);
  }

  /** A thread that was held up for so long hears of connections after its timers. */
  onTimer(): void {
    systemTurn(() => {
      if (!this.#over) this.#expire();
    });
  }

  #end(): void {
    this.#over = true;
    this.#context.timers.cancel(this.#timer);
  }

  #expire(): void {
    const { io, connectTimeoutMs } = this.#context;
    this.abort();
    io.enter();
    const text = `no connection after ${connectTimeoutMs} ms (connectTimeoutMs)`;
    this.#owner.dialFailed('CONNECT_TIMEOUT', text);
    io.leave();
  }
}
