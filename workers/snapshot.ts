/**
 * Gives each worker the snapshots of the targets that it wants, and each endpoint its slot. One
 * watch serves all workers; what no worker wants any more is let go.
 */

import type { Discovery, ResolvedTarget, SourceStatus } from '../api/discovery.ts';
import { type EndpointSnapshot, encodeSnapshot } from '../api/snapshot.ts';
import type { SlotAllocator } from '../core/balance/slot-allocator.ts';

interface PublisherOptions {
  readonly discovery: Discovery;
  readonly slots: SlotAllocator;
  readonly send: (worker: number, bytes: SharedArrayBuffer) => void;
  /** No slot is left for an endpoint, which therefore gets no traffic. */
  readonly onSlotsExhausted: (authority: string) => void;
}

/** A target as `/endpoints` shows it. */
interface PublishedTarget {
  readonly key: string;
  readonly target: ResolvedTarget | null;
  readonly endpoints: readonly EndpointSnapshot[];
  readonly status: SourceStatus;
}

interface Publication {
  readonly key: string;
  readonly wanters: Map<number, Sent>;
  target: ResolvedTarget | null;
  endpoints: readonly EndpointSnapshot[];
  bytes: SharedArrayBuffer | null;
  unwatch: () => void;
}

/** What a worker was sent of one target. */
interface Sent {
  slots: ReadonlySet<number>;
  /** Slots that newer snapshots lack and that the worker has not released. */
  readonly leaving: Set<number>;
}

/** Services that are known by several names share the slots of their endpoints. */
interface SlotUse {
  readonly slot: number;
  publications: number;
}

interface Worker {
  readonly incarnation: number;
  /** How many targets of the worker hold a slot. */
  readonly holds: Map<number, number>;
  /** Whose `leaving` has a slot. */
  readonly leaving: Map<number, Set<Sent>>;
}

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #publications = new Map<string, Publication>();
  readonly #uses = new Map<string, SlotUse>();
  readonly #workers = new Map<number, Worker>();
  #generation = 0;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  *targets(): Generator<PublishedTarget, void> {
    for (const { key, target, endpoints } of this.#publications.values()) {
      yield { key, target, endpoints, status: this.#options.discovery.status(key) };
    }
  }

  workerStarting(worker: number, incarnation: number): void {
    this.#workers.set(worker, { incarnation, holds: new Map(), leaving: new Map() });
    this.#options.slots.workerStarted(worker, incarnation);
  }

  /** To be called when its memory has been zeroed. */
  workerEnded(worker: number): void {
    this.#workers.delete(worker);
    this.#options.slots.workerEnded(worker);
    for (const publication of this.#publications.values()) {
      if (publication.wanters.delete(worker)) this.#dropIfUnwanted(publication);
    }
  }

  want(worker: number, key: string): void {
    let publication = this.#publications.get(key);
    if (publication === undefined) {
      publication = this.#open(key);
    }
    if (publication.wanters.has(worker)) return;
    publication.wanters.set(worker, { slots: new Set(), leaving: new Set() });
    this.#send(worker, publication);
  }

  /** The worker has nothing in flight there and has forgotten the target. */
  idle(worker: number, key: string): void {
    const publication = this.#publications.get(key);
    const sent = publication?.wanters.get(worker);
    if (publication === undefined || sent === undefined) return;
    publication.wanters.delete(worker);
    // A slot that left the set while it went idle was never released by name.
    for (const slot of sent.leaving) this.#endLeaving(worker, slot, sent);
    for (const slot of sent.slots) this.#unhold(worker, slot);
    this.#dropIfUnwanted(publication);
  }

  released(worker: number, slots: readonly number[]): void {
    for (const slot of slots) {
      const [sent] = this.#workers.get(worker)?.leaving.get(slot) ?? [];
      if (sent !== undefined) this.#endLeaving(worker, slot, sent);
    }
  }

  close(): void {
    for (const publication of this.#publications.values()) publication.unwatch();
    this.#publications.clear();
  }

  #open(key: string): Publication {
    const publication: Publication = {
      key,
      wanters: new Map(),
      target: null,
      endpoints: [],
      bytes: null,
      unwatch: () => {},
    };
    this.#publications.set(key, publication);
    publication.unwatch = this.#options.discovery.watch(key, (target) => {
      this.#publish(publication, target);
    });
    return publication;
  }

  #publish(publication: Publication, target: ResolvedTarget): void {
    const before = publication.target;
    const endpoints: EndpointSnapshot[] = [];
    for (const endpoint of target.endpoints) {
      const slot = this.#useSlot(useKey(target, endpoint));
      if (slot === null) this.#options.onSlotsExhausted(target.authority);
      else endpoints.push({ ...endpoint, slot });
    }
    const left = publication.endpoints;
    publication.target = target;
    publication.endpoints = endpoints;
    this.#generation += 1;
    publication.bytes = encodeSnapshot({
      ...target,
      key: publication.key,
      generation: this.#generation,
      endpoints,
    });
    for (const worker of publication.wanters.keys()) this.#send(worker, publication);
    // Only now: a slot that both sets have stays in use throughout.
    if (before !== null) for (const endpoint of left) this.#unuseSlot(useKey(before, endpoint));
  }

  #send(worker: number, publication: Publication): void {
    const sent = publication.wanters.get(worker);
    if (publication.bytes === null || sent === undefined) return;
    const slots = new Set(publication.endpoints.map(({ slot }) => slot));
    for (const slot of sent.slots) if (!slots.has(slot)) this.#startLeaving(worker, slot, sent);
    for (const slot of slots) if (!sent.slots.has(slot)) this.#hold(worker, slot);
    sent.slots = slots;
    this.#options.slots.sent(worker, slots);
    this.#options.send(worker, publication.bytes);
  }

  #dropIfUnwanted(publication: Publication): void {
    if (publication.wanters.size > 0) return;
    this.#publications.delete(publication.key);
    publication.unwatch();
    const { target, endpoints } = publication;
    if (target === null) return;
    for (const endpoint of endpoints) this.#unuseSlot(useKey(target, endpoint));
  }

  #useSlot(key: string): number | null {
    const use = this.#uses.get(key);
    if (use !== undefined) {
      use.publications += 1;
      return use.slot;
    }
    const slot = this.#options.slots.allocate();
    if (slot !== null) this.#uses.set(key, { slot, publications: 1 });
    return slot;
  }

  #unuseSlot(key: string): void {
    const use = this.#uses.get(key);
    if (use === undefined) return;
    use.publications -= 1;
    if (use.publications > 0) return;
    this.#uses.delete(key);
    this.#options.slots.retire(use.slot);
  }

  #startLeaving(worker: number, slot: number, sent: Sent): void {
    const leaving = this.#workers.get(worker)?.leaving;
    const others = leaving?.get(slot);
    sent.leaving.add(slot);
    if (others === undefined) leaving?.set(slot, new Set([sent]));
    else others.add(sent);
  }

  #endLeaving(worker: number, slot: number, sent: Sent): void {
    const leaving = this.#workers.get(worker)?.leaving;
    const others = leaving?.get(slot);
    sent.leaving.delete(slot);
    others?.delete(sent);
    if (others?.size === 0) leaving?.delete(slot);
    this.#unhold(worker, slot);
  }

  #hold(worker: number, slot: number): void {
    const holds = this.#workers.get(worker)?.holds;
    holds?.set(slot, (holds.get(slot) ?? 0) + 1);
  }

  #unhold(worker: number, slot: number): void {
    const known = this.#workers.get(worker);
    if (known === undefined) return;
    const count = (known.holds.get(slot) ?? 0) - 1;
    if (count > 0) known.holds.set(slot, count);
    else {
      known.holds.delete(slot);
      this.#options.slots.released(worker, known.incarnation, [slot]);
    }
  }
}

function useKey(target: ResolvedTarget, endpoint: { host: string; port: number }): string {
  return `${target.authority} ${endpoint.host} ${endpoint.port}`;
}
