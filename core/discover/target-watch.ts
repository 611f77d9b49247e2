/**
 * One target as its watchers see it. It comes from the control plane; until that has answered, from
 * disk; and where nobody answers or nobody knows it, from where the application dialled:
 *
 *   nothing --answer--> control
 *   nothing --diskWaitMs, state on disk--> disk --answer--> control
 *   nothing --fallbackAfterMs, no state--> unmeshed --answer--> control
 *   any --"there is no such thing"--> unmeshed, or absent where passthrough is refused
 */

import { absentTarget, type ResolvedTarget, type SourceStatus } from '../../api/discovery.ts';
import type { Clock } from '../base/clock.ts';
import { diskWaitMs, publishMs, stateRefreshMs, unknownKeptMs } from '../base/limits.ts';
import { Timer, type TimerOwner, type TimerWheel } from '../base/timers.ts';
import type { Assembly, AssemblyOwner } from './assembly.ts';
import type { DiscoveryCounters } from './counters.ts';
import type { StoredState } from './state-file.ts';
import type { StateStore } from './state-store.ts';

interface TargetEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly counters: DiscoveryCounters;
  readonly log: {
    info(message: string, fields?: Readonly<Record<string, string | number>>): void;
    warn(message: string, fields?: Readonly<Record<string, string | number>>): void;
  };
  readonly store: StateStore | null;
  readonly workload: string;
  /** The control plane, for texts. */
  readonly control: string;
  /** Nobody is there to be asked. */
  readonly isHopeless: () => boolean;
  readonly onLoaded: () => void;
}

export interface TargetTraits {
  readonly key: string;
  readonly lingerMs: number;
  /** A policy that was known is not given up for being unknown to the control plane now. */
  readonly keepsKnown: boolean;
  /** How long the control plane is waited for. */
  readonly fallbackAfterMs: number;
  /** Where it goes without the control plane; null: nowhere. */
  readonly fallBack: ((tell: OnTarget) => () => void) | null;
  /** What that means, for the log. */
  readonly fallbackText: string;
}

type OnTarget = (target: ResolvedTarget) => void;

export class TargetWatch implements TimerOwner, AssemblyOwner {
  readonly key: string;
  source: 'none' | 'control' | 'disk' | 'unmeshed' = 'none';

  readonly #env: TargetEnv;
  readonly #traits: TargetTraits;
  readonly #assembly: Assembly;
  readonly #onIdle: (watch: TargetWatch) => void;
  readonly #watchers = new Set<{ readonly tell: OnTarget }>();
  readonly #disk = new Timer(this, DISK);
  readonly #fallback = new Timer(this, FALLBACK);
  readonly #publish = new Timer(this, PUBLISH);
  readonly #linger = new Timer(this, LINGER);
  readonly #doubt = new Timer(this, DOUBT);
  #doubtIsOver = false;
  #target: ResolvedTarget | null = null;
  #stored: StoredState | null = null;
  #loading = false;
  #stopFallback: (() => void) | null = null;
  /** Why it fell back, or why nothing is known. */
  #reason: string | null = null;
  #publishedMs = Number.NEGATIVE_INFINITY;
  #savedWallMs = 0;
  #logged = false;
  #closed = false;

  constructor(
    env: TargetEnv,
    traits: TargetTraits,
    assemble: (owner: AssemblyOwner) => Assembly,
    onIdle: (watch: TargetWatch) => void,
  ) {
    this.key = traits.key;
    this.#env = env;
    this.#traits = traits;
    this.#assembly = assemble(this);
    this.#onIdle = onIdle;
  }

  get idle(): boolean {
    return this.#watchers.size === 0;
  }

  start(): void {
    const { timers, store } = this.#env;
    timers.arm(this.#fallback, this.#traits.fallbackAfterMs);
    if (store !== null) {
      timers.arm(this.#disk, diskWaitMs);
      this.#loading = true;
      void store.load(this.key).then((stored) => this.#onStored(stored));
    }
    this.#assembly.start();
  }

  watch(tell: OnTarget): () => void {
    this.#env.timers.cancel(this.#linger);
    const watcher = { tell };
    this.#watchers.add(watcher);
    if (this.#target !== null) tell(this.#target);
    return () => {
      if (!this.#watchers.delete(watcher) || this.#watchers.size > 0 || this.#closed) return;
      this.#env.timers.arm(this.#linger, this.#traits.lingerMs);
    };
  }

  status(): SourceStatus {
    const streams = this.#assembly.streams().filter(([api]) => api !== 'profile');
    const error = streams.map(([, stream]) => stream.error).find((one) => one !== null) ?? null;
    const address = streams[0]?.[1].address ?? '';
    const location = address === '' ? this.#env.control : address;
    return {
      kind: this.source,
      location: this.source === 'unmeshed' ? '' : location,
      confirmedWallMs: this.#confirmedWallMs(),
      error: error ?? (this.source === 'control' ? null : this.#reason),
    };
  }

  streams(): ReturnType<Assembly['streams']> {
    return this.#assembly.streams();
  }

  close(): void {
    this.#closed = true;
    const { timers } = this.#env;
    const all = [this.#disk, this.#fallback, this.#publish, this.#linger, this.#doubt];
    for (const timer of all) {
      timers.cancel(timer);
    }
    this.#watchers.clear();
    this.#endFallback();
    this.#assembly.close();
  }

  onTimer(timer: Timer): void {
    switch (timer.kind) {
      case DISK:
        this.#serveStored();
        break;
      case FALLBACK:
        if (!this.#loading) this.#fallBack(unanswered);
        break;
      case PUBLISH:
        this.#tell();
        break;
      case DOUBT:
        this.#doubtIsOver = true;
        this.onChange();
        break;
      default:
        this.#onIdle(this);
    }
  }

  onChange(): void {
    if (this.#closed) return;
    const verdict = this.#assembly.verdict();
    switch (verdict.kind) {
      case 'ready':
        this.#take(verdict.target, 'control');
        this.#save();
        break;
      case 'gone':
        this.#takeUnknown();
        break;
      case 'unknown':
        if (!this.#doubts()) this.#takeUnknown();
        break;
      case 'unanswerable':
        if (this.source === 'none' && !this.#loading && this.#stored === null) {
          this.#fallBack('the control plane does not understand the question');
        }
        break;
      default:
    }
  }

  onConfirmed(): void {
    if (this.source !== 'control') return;
    if (this.#env.clock.wallMs() - this.#savedWallMs > stateRefreshMs) this.#save();
  }

  #takeUnknown(): void {
    if (this.#traits.keepsKnown) {
      // What is on disk is known too, and may be about to be read.
      this.#serveStored();
      if (this.#loading || this.source === 'control' || this.source === 'disk') return;
    } else {
      this.#stored = null;
      this.#env.store?.save(this.key, null);
    }
    if (this.#traits.fallBack === null) this.#take(absentTarget, 'control');
    else this.#fallBack('the control plane does not know it');
  }

  /**
   * Who removes a service takes its endpoints away first, by a stream that is there. A control
   * plane that has never heard of what it told before has lost its memory: what is known stays.
   */
  #doubts(): boolean {
    const { timers, log } = this.#env;
    const isKnown = this.source === 'control' || this.source === 'disk';
    if (!isKnown || this.#target?.state !== 'ready' || this.#target.endpoints.length === 0) {
      return false;
    }
    if (this.#traits.keepsKnown || this.#doubtIsOver) return false;
    if (this.#doubt.armed) return true;
    timers.arm(this.#doubt, unknownKeptMs);
    log.warn('the control plane does not know a service any more, its last endpoints stay', {
      target: this.key,
      forMs: unknownKeptMs,
    });
    return true;
  }

  #onStored(stored: StoredState | null): void {
    this.#loading = false;
    if (this.#closed) return;
    if (stored !== null) this.#env.onLoaded();
    if (this.source !== 'none') return;
    this.#stored = stored;
    if (stored !== null && (!this.#disk.armed || this.#env.isHopeless())) this.#serveStored();
    if (this.source !== 'none') return;
    this.onChange();
    if (stored === null && !this.#fallback.armed) this.#fallBack(unanswered);
  }

  #serveStored(): void {
    if (this.#stored === null || this.source !== 'none') return;
    const target = this.#assembly.revive(this.#stored.parts);
    if (target !== null) {
      this.#take(target, 'disk');
      return;
    }
    this.#stored = null;
    this.#env.counters.statesRefused += 1;
    this.#env.log.warn('a state on disk is not used', {
      target: this.key,
      reason: 'it is not whole',
    });
  }

  #fallBack(reason: string): void {
    if (this.source === 'unmeshed') return;
    if (this.source === 'disk' && this.#stored !== null) return;
    if (this.source === 'control' && reason === unanswered) return;
    this.#reason = reason;
    const { fallBack } = this.#traits;
    if (fallBack === null) return;
    this.source = 'unmeshed';
    this.#report(reason);
    this.#stopFallback = fallBack((target) => {
      if (this.source === 'unmeshed') this.#take(target, 'unmeshed');
    });
  }

  #report(reason: string): void {
    this.#env.counters.fallbacks += 1;
    if (this.#logged) return;
    this.#logged = true;
    this.#env.log.warn(this.#traits.fallbackText, { target: this.key, reason });
  }

  #take(target: ResolvedTarget, source: 'control' | 'disk' | 'unmeshed'): void {
    if (source === 'control') {
      if (this.source === 'unmeshed') this.#endFallback();
      this.#stored = null;
      this.#reason = null;
    }
    if (source === 'control' && target.state === 'ready') {
      this.#doubtIsOver = false;
      this.#env.timers.cancel(this.#doubt);
    }
    this.source = source;
    this.#target = target;
    this.#env.timers.cancel(this.#fallback);
    if (this.#publish.armed) return;
    const waitMs = this.#publishedMs + publishMs - this.#env.clock.monotonicMs();
    if (waitMs <= 0) this.#tell();
    else this.#env.timers.arm(this.#publish, waitMs);
  }

  #tell(): void {
    const target = this.#target;
    if (target === null) return;
    this.#publishedMs = this.#env.clock.monotonicMs();
    for (const watcher of Array.from(this.#watchers)) {
      if (this.#target === target && this.#watchers.has(watcher)) watcher.tell(target);
    }
  }

  #save(): void {
    this.#savedWallMs = this.#env.clock.wallMs();
    this.#env.store?.save(this.key, {
      key: this.key,
      workload: this.#env.workload,
      confirmedWallMs: this.#confirmedWallMs() ?? this.#savedWallMs,
      parts: this.#assembly.parts(),
    });
  }

  #endFallback(): void {
    this.#stopFallback?.();
    this.#stopFallback = null;
  }

  /** The oldest of what it is made of. */
  #confirmedWallMs(): number | null {
    if (this.source === 'disk') return this.#stored?.confirmedWallMs ?? null;
    if (this.source !== 'control') return null;
    let oldest: number | null = null;
    for (const [api, { confirmedWallMs }] of this.#assembly.streams()) {
      if (api === 'profile' || confirmedWallMs === null) continue;
      oldest = Math.min(oldest ?? confirmedWallMs, confirmedWallMs);
    }
    return oldest;
  }
}

const DISK = 0;
const FALLBACK = 1;
const PUBLISH = 2;
const LINGER = 3;
const DOUBT = 4;

const unanswered = 'the control plane does not answer';
