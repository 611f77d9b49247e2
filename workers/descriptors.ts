/**
 * How many more connections the process may open before it runs out of file descriptors. At the
 * limit itself libuv accepts clients only to close them, so accepting has to stop before.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { descriptorReserve } from '../core/base/limits.ts';

interface DescriptorFacts {
  /** The process's limit; infinite where there is none or it is not known. */
  readonly limit: number;
  /** Descriptors that are open now; asked seldom, because it reads a directory. */
  readonly count: () => number;
}

export class DescriptorBudget {
  readonly #facts: DescriptorFacts;
  readonly #usable: number;
  /** Never below what is open, as far as connections go: those that closed are still in it. */
  #estimate = 0;

  constructor(facts: DescriptorFacts) {
    this.#facts = facts;
    // A quarter, where the limit is so small that the reserve would take it all.
    this.#usable = facts.limit - Math.min(descriptorReserve, Math.floor(facts.limit / 4));
    if (Number.isFinite(facts.limit)) this.#estimate = facts.count();
  }

  /** A client's connection takes its own descriptor and soon one toward an endpoint. */
  spend(): void {
    this.#estimate += 2;
  }

  /** Counts again only when the estimate says that there is nothing left. */
  isSpent(): boolean {
    if (this.#estimate < this.#usable) return false;
    this.#estimate = this.#facts.count();
    return this.#estimate >= this.#usable;
  }
}

/** What Linux tells; elsewhere no limit is known. */
export function readDescriptorFacts(): DescriptorFacts {
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1');
    const match = /^Max open files\s+(\d+)/m.exec(limits);
    if (match === null) return unknown;
    return { limit: Number(match[1]), count: () => readdirSync('/proc/self/fd').length };
  } catch {
    return unknown;
  }
}

const unknown: DescriptorFacts = { limit: Number.POSITIVE_INFINITY, count: () => 0 };
