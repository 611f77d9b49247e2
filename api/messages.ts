/** What main and a worker say to each other over the worker's MessagePort. */

import type { Socket } from 'node:net';
import type { IdentitySnapshot } from './identity.ts';
import type { Address, ProxySettings } from './settings.ts';
import type { SharedMemory } from './shared-memory.ts';

/** What a proxy says to the process that started it with a channel, once it accepts. */
export interface ProxyListening {
  readonly kind: 'listening';
  readonly outbound: Address | null;
  readonly inbound: Address | null;
  readonly admin: Address | null;
}

/** Which listener a connection came in by; `bind` has its index in `settings.binds`. */
export type ListenerName = 'outbound' | 'outbound-second' | 'inbound' | `bind:${number}`;

export type DrainStage =
  /** Inbound answers carry `connection: close`; everything else as before. */
  | 'announce'
  /** Inbound finishes what runs and closes what is idle; outbound as before. */
  | 'inbound'
  /** Outbound too. */
  | 'outbound'
  /** Everything is reset. */
  | 'force';

/**
 * Why no connection is accepted. `connections`: --max-connections; `workers`: none is ready;
 * `identity`: there is no certificate yet.
 */
export type PauseReason = 'connections' | 'descriptors' | 'workers' | 'identity';

export interface WorkerStart {
  readonly index: number;
  /** Counts the workers that this index has had, from 0. */
  readonly incarnation: number;
  readonly settings: ProxySettings;
  readonly memory: SharedMemory;
  /** What there is by now; each later one comes as a message. */
  readonly identity: IdentitySnapshot | null;
}

export type MainToWorker =
  | { readonly kind: 'socket'; readonly listener: ListenerName; readonly socket: Socket }
  | { readonly kind: 'snapshot'; readonly bytes: SharedArrayBuffer }
  | { readonly kind: 'identity'; readonly identity: IdentitySnapshot }
  /** A line is told when one of these filters lets it through. */
  | { readonly kind: 'log-filters'; readonly filters: readonly string[] }
  | { readonly kind: 'drain'; readonly stage: DrainStage };

/** One cell or histogram, announced before it is first used. */
export interface CellDefinition {
  readonly family: string;
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** First cell; a histogram has one for each bucket, then sum, then count. */
  readonly cell: number;
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** One thing that a line was logged in, as Linkerd names it; the outermost comes first. */
export interface LogSpan {
  readonly name: string;
  /** Shown with lines only where a filter lets its target speak on this level. */
  readonly level: 'info' | 'debug';
  readonly target: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

export type WorkerToMain =
  | { readonly kind: 'ready' }
  /** The worker needs this target; a snapshot follows, and every later one of it. */
  | { readonly kind: 'want'; readonly key: string }
  /** The worker has dropped this target. */
  | { readonly kind: 'idle'; readonly key: string }
  /** Nothing is in flight any more on these slots, which its newest snapshots no longer have. */
  | { readonly kind: 'released'; readonly slots: readonly number[] }
  /** This identity is in use for whatever connects from now on. */
  | { readonly kind: 'identified'; readonly generation: number }
  /** Listeners of the worker's own pause, or accept again. */
  | { readonly kind: 'accept-paused'; readonly reason: PauseReason }
  | { readonly kind: 'accept-resumed' }
  | { readonly kind: 'cells'; readonly definitions: readonly CellDefinition[] }
  | { readonly kind: 'cells-freed'; readonly cells: readonly number[] }
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly target: string;
      readonly message: string;
      readonly fields: Readonly<Record<string, string | number>>;
      readonly spans?: readonly LogSpan[];
    }
  /** Lines of the access log, already formatted. */
  | { readonly kind: 'access'; readonly lines: string };
