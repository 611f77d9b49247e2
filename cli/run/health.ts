/**
 * Whether the application takes traffic: asked often until it does, then now and then. It takes
 * three failures in a row to lose it, one success to get it back.
 */

import { get } from 'node:http';
import { runAfter } from '../../control/model/delay.ts';
import type { Clock } from '../../core/base/clock.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import type { GrpcClientEnv } from '../../core/grpc/client.ts';
import { Dial } from '../../core/io/dial.ts';

/** Asks once. Settles in bounded time and never rejects. */
type Probe = () => Promise<boolean>;

interface HealthEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
}

export class Health {
  readonly #probe: Probe;
  readonly #env: HealthEnv;
  readonly #onChange: (isHealthy: boolean) => void;
  /** Emptied when it has been called, or will never be. */
  #onSilence: (() => void) | null;
  readonly #sinceMs: number;
  #isHealthy = false;
  #failures = 0;
  #lostAtMs: number;
  #cancel: () => void = () => undefined;
  #isClosed = false;

  /** Begins at once. `onSilence` is called once when the first good answer is long in coming. */
  constructor(
    probe: Probe,
    env: HealthEnv,
    onChange: (isHealthy: boolean) => void,
    onSilence: () => void,
  ) {
    this.#probe = probe;
    this.#env = env;
    this.#onChange = onChange;
    this.#onSilence = onSilence;
    this.#sinceMs = env.clock.monotonicMs();
    this.#lostAtMs = this.#sinceMs;
    void this.#ask();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  async #ask(): Promise<void> {
    const isGood = await this.#probe();
    if (this.#isClosed) return;
    this.#failures = isGood ? 0 : this.#failures + 1;
    if (isGood !== this.#isHealthy && (isGood || this.#failures >= failuresMax)) {
      this.#isHealthy = isGood;
      if (!isGood) this.#lostAtMs = this.#env.clock.monotonicMs();
      this.#onChange(isGood);
    }
    this.#noticeSilence(isGood);
    this.#cancel = runAfter(this.#env.timers, this.#pauseMs(isGood), () => void this.#ask());
  }

  #noticeSilence(isGood: boolean): void {
    if (this.#onSilence === null) return;
    const isSilent = this.#env.clock.monotonicMs() - this.#sinceMs >= silenceMs;
    if (!isGood && !isSilent) return;
    if (!isGood) this.#onSilence();
    this.#onSilence = null;
  }

  #pauseMs(isGood: boolean): number {
    if (isGood) return calmMs;
    if (this.#isHealthy) return eagerMs;
    return this.#env.clock.monotonicMs() - this.#lostAtMs < eagerForMs ? eagerMs : calmMs;
  }
}

/** A connection that is closed at once. */
export function tcpProbe(port: number, { io, timers, meter }: GrpcClientEnv): Probe {
  return () =>
    new Promise((resolve) => {
      const owner = {
        dialled: (socket: { destroy: () => void }) => {
          socket.destroy();
          resolve(true);
        },
        dialFailed: () => resolve(false),
      };
      const context = { io, timers, connectTimeoutMs: probeTimeoutMs };
      new Dial(context, owner, { host: loopback, port }, meter);
    });
}

/** The status alone counts: 2xx and 3xx are good. */
export function httpProbe(port: number, path: string, timers: TimerWheel): Probe {
  return () =>
    new Promise((resolve) => {
      const headers = { 'user-agent': 'heddle-health' };
      const request = get({ host: loopback, port, path, headers, agent: false }, (response) => {
        const { statusCode = 0 } = response;
        response.on('error', () => undefined);
        response.destroy();
        resolve(statusCode >= 200 && statusCode < 400);
      });
      const cancel = runAfter(timers, probeTimeoutMs, () => request.destroy());
      request.on('error', () => undefined);
      request.on('close', () => {
        cancel();
        resolve(false);
      });
    });
}

const loopback = '127.0.0.1';
const probeTimeoutMs = 1_000;
const eagerMs = 200;
const calmMs = 2_000;
/** An application that has not answered for so long does not come back within the next moment. */
const eagerForMs = 30_000;
/** Most applications serve long before; a wrong --port never does. */
const silenceMs = 10_000;
const failuresMax = 3;
