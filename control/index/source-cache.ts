/**
 * One open source for each distinct place that endpoints come from, however many targets use it.
 * A source that nobody uses stays open for a while, because a client that comes back is likely;
 * then it is closed. Remembers the last good set, when it was confirmed and why the newest attempt
 * failed.
 */

import type { ResolvedEndpoint } from '../../api/discovery.ts';
import { unreachable } from '../../core/base/assert.ts';
import type { Clock } from '../../core/base/clock.ts';
import { targetIdleMs, targetsMax } from '../../core/base/limits.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import { runAfter } from '../model/delay.ts';
import type { OpenSource, Source, SourceConfig, SourceLog } from '../model/source.ts';

export interface SourceCacheEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly log: SourceLog;
  readonly openSource: OpenSource;
}

/** `endpoints` is null before the first good answer. */
interface SourceState {
  endpoints: readonly ResolvedEndpoint[] | null;
  confirmedWallMs: number | null;
  error: string | null;
}

/** A user's hold on a source. */
export interface SourceHold {
  readonly state: Readonly<SourceState>;
  release(): void;
}

export class SourceCache {
  readonly #env: SourceCacheEnv;
  readonly #entries = new Map<string, Entry>();

  constructor(env: SourceCacheEnv) {
    this.#env = env;
  }

  /** Open sources, those that linger included. */
  get size(): number {
    return this.#entries.size;
  }

  /** `onChange` is called when the set changes, from the first set on, never from in here. */
  hold(config: SourceConfig, onChange: () => void): SourceHold {
    const key = keyOf(config);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#makeRoom();
      entry = new Entry(config, this.#env, () => this.#entries.delete(key));
      this.#entries.set(key, entry);
    }
    return entry.hold(onChange);
  }

  close(): void {
    for (const entry of this.#entries.values()) entry.close();
    this.#entries.clear();
  }

  /** Passthrough makes a source of any name that a client asks for: the idle ones give way. */
  #makeRoom(): void {
    if (this.#entries.size < targetsMax) return;
    for (const entry of this.#entries.values()) {
      if (!entry.idle) continue;
      entry.retire();
      return;
    }
  }
}

class Entry {
  readonly #env: SourceCacheEnv;
  readonly #location: string;
  readonly #forget: () => void;
  readonly #source: Source;
  readonly #users = new Set<() => void>();
  readonly #state: SourceState = { endpoints: null, confirmedWallMs: null, error: null };
  #cancelIdle: (() => void) | null = null;

  constructor(config: SourceConfig, env: SourceCacheEnv, forget: () => void) {
    this.#env = env;
    this.#location = locationOf(config);
    this.#forget = forget;
    this.#source = env.openSource(config, {
      onEndpoints: (endpoints) => this.#accept(endpoints),
      onError: (reason) => this.#fail(reason),
    });
  }

  get idle(): boolean {
    return this.#users.size === 0;
  }

  hold(onChange: () => void): SourceHold {
    this.#cancelIdle?.();
    this.#cancelIdle = null;
    const user = (): void => onChange();
    this.#users.add(user);
    return { state: this.#state, release: () => this.#release(user) };
  }

  /** Closes the source and drops it from the cache. */
  retire(): void {
    this.close();
    this.#forget();
  }

  close(): void {
    this.#cancelIdle?.();
    this.#cancelIdle = null;
    this.#users.clear();
    this.#source.close();
  }

  #release(user: () => void): void {
    if (!this.#users.delete(user) || this.#users.size > 0) return;
    this.#cancelIdle = runAfter(this.#env.timers, targetIdleMs, () => this.retire());
  }

  #accept(told: readonly ResolvedEndpoint[]): void {
    const before = this.#state.endpoints;
    const endpoints = withoutRepeats(told);
    if (this.#state.error !== null) {
      this.#env.log.info('endpoints are confirmed again', { source: this.#location });
    }
    this.#state.error = null;
    this.#state.confirmedWallMs = this.#env.clock.wallMs();
    if (before !== null && sameEndpoints(before, endpoints)) return;
    if (before !== null && endpoints.length < before.length / 2) {
      this.#env.log.warn('more than half of the endpoints have gone at once', {
        source: this.#location,
        before: before.length,
        after: endpoints.length,
      });
    }
    this.#state.endpoints = endpoints;
    for (const user of Array.from(this.#users)) user();
  }

  #fail(reason: string): void {
    // The same failure again says nothing new.
    if (reason !== this.#state.error) {
      this.#env.log.warn('endpoints cannot be refreshed, the last good ones stay in use', {
        source: this.#location,
        reason,
        endpoints: this.#state.endpoints?.length ?? 0,
      });
    }
    this.#state.error = reason;
  }
}

/** What `/endpoints` shows as the place that endpoints come from. */
export function locationOf(config: SourceConfig): string {
  switch (config.kind) {
    case 'inline':
      return '';
    case 'file':
      return config.path;
    case 'dns':
      return `${config.name}:${config.port}`;
    case 'srv':
      return config.name;
    case 'manifests':
    case 'registry':
      return `${config.namespace}/${config.name}:${config.port}`;
    default:
      return unreachable(config);
  }
}

/** Equal sources are one source. */
function keyOf(config: SourceConfig): string {
  return JSON.stringify([
    config.kind,
    config.kind === 'inline' ? config.endpoints : locationOf(config),
  ]);
}

/** An address is one endpoint, however often a source names it: the first time counts. */
function withoutRepeats(endpoints: readonly ResolvedEndpoint[]): readonly ResolvedEndpoint[] {
  const seen = new Set<string>();
  return endpoints.filter(({ host, port }) => {
    const before = seen.size;
    return seen.add(`${host} ${port}`).size > before;
  });
}

function sameEndpoints(a: readonly ResolvedEndpoint[], b: readonly ResolvedEndpoint[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ host, port, weight, zone }, index) => {
      const other = b[index];
      return (
        host === other.host && port === other.port && weight === other.weight && zone === other.zone
      );
    })
  );
}
