/**
 * How many more connections the process may open before it runs out of file descriptors. At the
 * limit itself libuv accepts clients only to close them, so accepting has to stop before.
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { descriptorReserve } from '../core/base/limits.ts';

interface DescriptorFacts {
  /** The process's limit; infinite where there is none or it is not known. */
  readonly limit: number;
  /** Descriptors that are open now. */
  readonly count: () => number;
  /** Counting costs no more than a system call, so that it may be done once a second. */
  readonly isCheap: boolean;
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

  /** Sees what connections to endpoints have taken since, where that is cheap. */
  refresh(): void {
    if (this.#facts.isCheap) this.#estimate = this.#facts.count();
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
    // Linux 6.2 and newer give the number as the size of the directory; before, it is listed.
    const isCheap = statSync(folder).size > 0;
    const count = (): number => (isCheap ? statSync(folder).size : readdirSync(folder).length);
    return { limit: Number(match[1]), count, isCheap };
  } catch {
    return unknown;
  }
}

const folder = '/proc/self/fd';
const unknown: DescriptorFacts = {
  limit: Number.POSITIVE_INFINITY,
  count: () => 0,
  isCheap: false,
};
