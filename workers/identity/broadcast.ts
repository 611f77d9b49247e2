/**
 * The identity as all workers have it: each change goes to all of them, and what all of them have
 * confirmed is what the control plane may count on. A worker that starts is given the newest.
 */

import type { IdentitySnapshot } from '../../api/identity.ts';

/** What the control plane is told of a snapshot. */
interface TrustFacts {
  readonly bundle: string;
  readonly issuer: string;
  readonly leafExpiresMs: number;
}

interface BroadcastEnv {
  readonly send: (worker: number, identity: IdentitySnapshot) => void;
  /** `confirmed` is another. */
  readonly onConfirmed: () => void;
}

export class IdentityBroadcast {
  snapshot: IdentitySnapshot | null = null;
  confirmed: TrustFacts = nothing;
  readonly #env: BroadcastEnv;
  /** Of those that carry connections: what each uses, 0 for nothing yet. */
  readonly #used = new Map<number, number>();
  /** Of those that start. */
  readonly #starting = new Map<number, number>();
  /** By generation, the newest last; older ones than what all use are forgotten. */
  readonly #facts = new Map<number, TrustFacts>();
  #generation = 0;
  #confirmedGeneration = 0;

  constructor(env: BroadcastEnv) {
    this.#env = env;
  }

  publish(content: Omit<IdentitySnapshot, 'generation'>, facts: TrustFacts): IdentitySnapshot {
    this.#generation += 1;
    this.snapshot = { ...content, generation: this.#generation };
    this.#facts.set(this.#generation, facts);
    const { snapshot } = this;
    for (const worker of this.#used.keys()) this.#env.send(worker, snapshot);
    this.#confirm();
    return snapshot;
  }

  /** From now on it gets whatever changes; before, it has been given what there was. */
  workerReady(worker: number): void {
    const used = this.#starting.get(worker) ?? 0;
    this.#starting.delete(worker);
    this.#used.set(worker, used);
    if (this.snapshot !== null && used !== this.#generation) this.#env.send(worker, this.snapshot);
    this.#confirm();
  }

  workerEnded(worker: number): void {
    this.#starting.delete(worker);
    this.#used.delete(worker);
    this.#confirm();
  }

  identified(worker: number, generation: number): void {
    const map = this.#used.has(worker) ? this.#used : this.#starting;
    map.set(worker, generation);
    this.#confirm();
  }

  /** Without any worker nothing is in use, and nothing is confirmed either. */
  #confirm(): void {
    if (this.#used.size === 0) return;
    const generation = Math.min(...this.#used.values());
    for (const older of this.#facts.keys()) if (older < generation) this.#facts.delete(older);
    const facts = this.#facts.get(generation);
    if (facts === undefined || generation === this.#confirmedGeneration) return;
    this.#confirmedGeneration = generation;
    this.confirmed = facts;
    this.#env.onConfirmed();
  }
}

const nothing: TrustFacts = { bundle: '', issuer: '', leafExpiresMs: 0 };
