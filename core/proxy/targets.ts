/**
 * The targets that this thread knows: asks main for those it meets, hands each its snapshots, and
 * forgets what nobody has used for a while. Bounded; names that clients make up cost no more than
 * a place in this map, and the least recently used idle one gives way.
 */

import { decodeSnapshot, type TargetKind, targetKey } from '../../api/snapshot.ts';
import {
  discoverTimeoutMs,
  distrustedConnectionMs,
  targetIdleMs,
  targetsMax,
  watchedIdleMs,
} from '../base/limits.ts';
import { Timer, type TimerOwner } from '../base/timers.ts';
import type { Head } from '../http/head.ts';
import { Authorities } from './authorities.ts';
import type { ClientCells } from './client-cells.ts';
import type { Core, DirectionName } from './core.ts';
import { Target, type TargetDirection } from './target.ts';

/**
 * Told when a target has become known, or has not in time for those who have waited since
 * `arrivedMs` or longer.
 */
type OnDiscovered = (target: Target, arrivedMs: number) => void;

type OnChanged = (target: Target) => void;

export class Targets {
  readonly #core: Core;
  readonly #directions: Record<DirectionName, TargetDirection>;
  readonly #byKey = new Map<string, Target>();
  readonly #authorities = new Authorities<Target>();
  readonly #discovered: OnDiscovered;
  readonly #changed: OnChanged;
  /** No connection is left that was verified before so many distrusts. */
  #renewedDistrusts = 0;
  /** A target was dropped since the last sweep. */
  #dropped = false;

  constructor(
    core: Core,
    directions: Record<DirectionName, TargetDirection>,
    discovered: OnDiscovered,
    changed: OnChanged,
  ) {
    this.#core = core;
    this.#directions = directions;
    this.#discovered = discovered;
    this.#changed = changed;
  }

  /** The target of this name; asks main when it is new. Null when there is no room for another. */
  find(kind: TargetKind, value: string): Target | null {
    return this.#find(targetKey(kind, value), kind === 'inbound' ? 'inbound' : 'outbound');
  }

  /** The same for the authority of a request, which it has. */
  findByAuthority(head: Head): Target | null {
    const { bytes, authorityStart, authorityEnd } = head;
    const known = this.#authorities.find(bytes, authorityStart, authorityEnd);
    if (known !== null) return known;
    const target = this.find('host', head.authority());
    if (target !== null) {
      this.#authorities.remember(bytes, authorityStart, authorityEnd, target);
    }
    return target;
  }

  /** What has the place of a target that was dropped while somebody still referred to it. */
  findAgain(dropped: Target): Target | null {
    return this.#find(dropped.key, dropped.direction);
  }

  /** Clients that are known no more. */
  forgetClients(cells: ClientCells): void {
    for (const target of this.#byKey.values()) target.forgetClients(cells);
  }

  /** A snapshot has come from main. */
  receive(bytes: SharedArrayBuffer): void {
    const snapshot = decodeSnapshot(bytes);
    const target = this.#byKey.get(snapshot.key);
    if (target === undefined) return;
    const first = !target.known;
    target.apply(snapshot);
    if (first) this.#discovered(target, Number.POSITIVE_INFINITY);
    else this.#changed(target);
  }

  /** Forgets targets that nobody uses; called with the rest of the housekeeping. */
  sweep(): void {
    const { io, settings, tls } = this.#core;
    // Each is asked for at the control plane for as long as it is kept.
    const { control, inboundOnly, outboundOnly } = settings;
    const usualMs = control === '' ? targetIdleMs : watchedIdleMs;
    const outboundIdleMs = outboundOnly.discoveryIdleMs ?? usualMs;
    const inboundIdleMs = inboundOnly.discoveryIdleMs ?? targetIdleMs;
    const { distrusts, distrustedMs } = tls;
    const renews = distrusts !== this.#renewedDistrusts;
    if (io.nowMs >= distrustedMs + distrustedConnectionMs) this.#renewedDistrusts = distrusts;
    for (const target of this.#byKey.values()) {
      target.sweep();
      if (renews) target.renew();
      const idleMs = target.direction === 'outbound' ? outboundIdleMs : inboundIdleMs;
      if (target.lastUsedMs < io.nowMs - idleMs && target.idle) this.#drop(target);
    }
    if (!this.#dropped) return;
    this.#dropped = false;
    this.#authorities.sweep();
  }

  /** Ends all connections that are kept for later; false when there are none. */
  closeIdle(): boolean {
    let closed = 0;
    for (const { endpoints } of this.#byKey.values()) {
      for (const { pools } of endpoints) closed += pools.closeIdle();
    }
    return closed > 0;
  }

  #find(key: string, direction: DirectionName): Target | null {
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      known.lastUsedMs = this.#core.io.nowMs;
      return known;
    }
    if (this.#byKey.size >= targetsMax && !this.#makeRoom()) return null;
    const target = new Target(this.#directions[direction], key, direction);
    this.#byKey.set(key, target);
    new DiscoveryWait(this.#core, target, this.#discovered);
    this.#core.post({ kind: 'want', key });
    return target;
  }

  #makeRoom(): boolean {
    let looked = 0;
    for (const target of this.#byKey.values()) {
      if (target.idle && target.key !== inboundKey) {
        this.#drop(target);
        return true;
      }
      looked += 1;
      if (looked === roomSearchMax) return false;
    }
    return false;
  }

  #drop(target: Target): void {
    this.#byKey.delete(target.key);
    this.#dropped = true;
    target.drop();
    this.#core.post({ kind: 'idle', key: target.key });
  }
}

/** Bounds for each who waits the time until the first snapshot, by one timer for the oldest. */
class DiscoveryWait implements TimerOwner {
  readonly #core: Core;
  readonly #target: Target;
  readonly #discovered: OnDiscovered;

  constructor(core: Core, target: Target, discovered: OnDiscovered) {
    this.#core = core;
    this.#target = target;
    this.#discovered = discovered;
    core.timers.arm(new Timer(this), discoverTimeoutMs);
  }

  onTimer(timer: Timer): void {
    const { io, timers } = this.#core;
    const target = this.#target;
    if (target.known || target.dropped) return;
    io.enter();
    const { nowMs } = io;
    this.#discovered(target, nowMs - discoverTimeoutMs);
    const arrivedMs = Math.min(target.oldestArrivalMs(), nowMs);
    timers.arm(timer, arrivedMs + discoverTimeoutMs - nowMs);
    io.leave();
  }
}

const inboundKey = targetKey('inbound', '');
const roomSearchMax = 64;
