/**
 * The proxy beside an application: a process of its own, started again when it ends by itself, on
 * the ports of its first start, because the application was told them.
 *
 * ```
 * starting --it accepts--> up --it ended--> waiting --back-off--> starting
 *     | ended by itself before it was ever up: failed
 *     +------------ close, in any state ------------> closing --it ended--> ended
 * ```
 */

import { type ChildProcess, spawn } from 'node:child_process';
import type { ProxyListening } from '../../api/messages.ts';
import type { Address } from '../../api/settings.ts';
import { parsePort } from '../../control/model/address.ts';
import { runAfter } from '../../control/model/delay.ts';
import { backoffMs } from '../../core/base/backoff.ts';
import type { Clock } from '../../core/base/clock.ts';
import type { Random } from '../../core/base/random.ts';
import type { TimerWheel } from '../../core/base/timers.ts';

/** Where it listens; `inbound` is null when it has nothing announced to take traffic for. */
export interface ProxyAddresses {
  readonly outbound: Address;
  readonly inbound: Address | null;
  readonly admin: Address;
}

interface ProxyOptions {
  /** `cli/heddle`, or what takes its place. */
  readonly executable: string;
  /** For its first start null, then where it listened. */
  readonly args: (known: ProxyAddresses | null) => readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

interface ProxyEvents {
  onUp(addresses: ProxyAddresses): void;
  /** It ended by itself, and is started again after `delayMs`. */
  onDown(reason: string, delayMs: number): void;
  /** It says that it cannot start, by this exit code. */
  onFailed(code: number): void;
  /** After `close`, or a failure: there is no process any more. */
  onEnded(): void;
}

interface ProxyEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly random: Random;
}

export class ProxyChild {
  readonly #options: ProxyOptions;
  readonly #env: ProxyEnv;
  readonly #events: ProxyEvents;
  #state: 'starting' | 'up' | 'waiting' | 'closing' | 'ended' = 'waiting';
  #child: ChildProcess | null = null;
  #addresses: ProxyAddresses | null = null;
  #failures = 0;
  #upSinceMs = 0;
  #cancelStart: () => void = () => undefined;

  constructor(options: ProxyOptions, env: ProxyEnv, events: ProxyEvents) {
    this.#options = options;
    this.#env = env;
    this.#events = events;
  }

  /** It has not been up, or has gone and is not back yet: it listens to nobody. */
  get isUp(): boolean {
    return this.#state === 'up';
  }

  start(): void {
    this.#state = 'starting';
    const { executable, args, environment } = this.#options;
    // In a session of its own: Ctrl-C in a terminal is for us alone, who know the order.
    const child = spawn(executable, args(this.#addresses), {
      detached: true,
      env: environment,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child = child;
    let isOver = false;
    const end = (code: number | null, reason: string): void => {
      if (isOver) return;
      isOver = true;
      this.#ended(code, reason);
    };
    child.on('message', (message) => this.#heard(message));
    child.once('error', (error) => end(cannotStart, error.message));
    child.once('exit', (code, signal) => end(code, signal ?? `exit code ${code}`));
  }

  /** Lets it drain; the second time it hurries. */
  close(): void {
    if (this.#state === 'ended') return;
    this.#cancelStart();
    const isWaiting = this.#state === 'waiting';
    this.#state = isWaiting ? 'ended' : 'closing';
    if (isWaiting) this.#events.onEnded();
    else this.#child?.kill('SIGTERM');
  }

  kill(): void {
    if (this.#state === 'closing') this.#child?.kill('SIGKILL');
  }

  #heard(message: unknown): void {
    const addresses = readListening(message);
    if (addresses === null || this.#state !== 'starting') return;
    this.#state = 'up';
    this.#upSinceMs = this.#env.clock.monotonicMs();
    this.#addresses ??= addresses;
    this.#events.onUp(this.#addresses);
  }

  #ended(code: number | null, reason: string): void {
    const hasNeverBeenUp = this.#addresses === null;
    const wasUpMs = this.#state === 'up' ? this.#env.clock.monotonicMs() - this.#upSinceMs : 0;
    this.#child = null;
    if (this.#state === 'closing') {
      this.#state = 'ended';
      this.#events.onEnded();
    } else if (hasNeverBeenUp && code !== null) {
      this.#state = 'ended';
      this.#events.onFailed(code === 0 ? cannotStart : code);
      this.#events.onEnded();
    } else {
      this.#state = 'waiting';
      this.#failures = wasUpMs >= healthyMs ? 1 : this.#failures + 1;
      const delayMs = backoffMs(restartBackoff, this.#failures, this.#env.random);
      this.#cancelStart = runAfter(this.#env.timers, delayMs, () => this.start());
      this.#events.onDown(reason, delayMs);
    }
  }
}

/** Null for what is no such message: it comes from another process. */
function readListening(message: unknown): ProxyAddresses | null {
  if (typeof message !== 'object' || message === null) return null;
  const { kind, outbound, inbound, admin } = message as Partial<ProxyListening>;
  if (kind !== 'listening' || !isAddress(outbound) || !isAddress(admin)) return null;
  if (inbound !== null && !isAddress(inbound)) return null;
  return { outbound, inbound, admin };
}

function isAddress(value: unknown): value is Address {
  if (typeof value !== 'object' || value === null) return false;
  const { host, port } = value as Partial<Address>;
  return typeof host === 'string' && (parsePort(String(port)) ?? 0) > 0;
}

const cannotStart = 1;
const restartBackoff = { minMs: 100, maxMs: 10_000 };
/** After which its earlier ends are forgotten. */
const healthyMs = 60_000;
