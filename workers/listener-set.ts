/**
 * The listeners that one thread accepts by, main's or with `--accept reuseport` a worker's own:
 * they pause together, and the drain ends each at its stage.
 */

import type { Socket } from 'node:net';
import type { DrainStage, ListenerName, PauseReason } from '../api/messages.ts';
import type { TimerWheel } from '../core/base/timers.ts';
import type { DirectionName } from '../core/proxy/core.ts';
import { Admission } from './accept.ts';
import { DescriptorBudget, readDescriptorFacts } from './descriptors.ts';
import { type BoundPort, type Listener, listenOn } from './listen.ts';

interface ListenerSetOptions {
  readonly maxConnections: number;
  readonly timers: TimerWheel;
  /** Of the whole process, those included that are on their way to a worker. */
  readonly countConnections: () => number;
  /** Why nobody is let in for a while, whatever room there is; null for no reason. */
  readonly whyPaused: () => PauseReason | null;
  readonly onSocket: (listener: ListenerName, socket: Socket) => void;
  readonly onError: (error: Error) => void;
  readonly onPause: (reason: PauseReason) => void;
  readonly onResume: () => void;
  /** So many listeners of this direction more, or less: the drain waits until none is left. */
  readonly onCount: (direction: DirectionName, change: number) => void;
}

export class ListenerSet {
  readonly #options: ListenerSetOptions;
  readonly #admission: Admission;
  readonly #listeners = new Map<ListenerName, Listener>();

  constructor(options: ListenerSetOptions) {
    this.#options = options;
    this.#admission = new Admission({
      maxConnections: options.maxConnections,
      descriptors: new DescriptorBudget(readDescriptorFacts()),
      timers: options.timers,
      countConnections: options.countConnections,
      whyPaused: options.whyPaused,
      onPause: options.onPause,
      onResume: options.onResume,
    });
  }

  /** Resolves when the kernel lets clients in. */
  async open(name: ListenerName, port: BoundPort): Promise<void> {
    this.#admission.check();
    const listener = await listenOn(port, {
      timers: this.#options.timers,
      onSocket: (socket) => {
        this.#options.onSocket(name, socket);
        this.#admission.admitted();
      },
      onError: this.#options.onError,
    });
    this.#listeners.set(name, listener);
    this.#admission.add(listener);
    this.#options.onCount(directionOf(name), 1);
  }

  /** A worker has come or gone; nothing to main where workers accept by themselves. */
  check(): void {
    if (this.#listeners.size > 0) this.#admission.check();
  }

  drain(stage: DrainStage): void {
    for (const [name, listener] of this.#listeners) {
      if (!endsAt(stage, name)) continue;
      listener.stop(() => this.#onClosed(name, listener));
      if (stage === 'force') listener.close();
    }
  }

  close(): void {
    this.#admission.close();
    for (const listener of this.#listeners.values()) listener.close();
  }

  #onClosed(name: ListenerName, listener: Listener): void {
    this.#listeners.delete(name);
    this.#admission.remove(listener);
    this.#options.onCount(directionOf(name), -1);
  }
}

function endsAt(stage: DrainStage, name: ListenerName): boolean {
  if (stage === 'announce') return false;
  return stage !== 'inbound' || directionOf(name) === 'inbound';
}

function directionOf(name: ListenerName): DirectionName {
  return name === 'inbound' ? 'inbound' : 'outbound';
}
