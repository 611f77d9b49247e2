/**
 * Which target an authority names, by the bytes that the client sent: so that a request costs no
 * string to find its target. What is not found here is found by its canonical spelling in
 * `targets.ts`. A place is taken over by a newer spelling, never searched for: names that clients
 * make up cost others a slower look-up, and nothing more.
 */

import { authorityCachedBytesMax, authorityCacheMax } from '../base/limits.ts';

/** Nobody finds a target any more once it is dropped. */
interface Droppable {
  readonly dropped: boolean;
}

export class Authorities<T extends Droppable> {
  /** `placeBytes` for each: the length of the authority and its bytes. */
  #bytes = new Uint8Array(0);
  #targets: (T | null)[] = [];

  /** Null when these bytes have no place here. */
  find(bytes: Uint8Array, start: number, end: number): T | null {
    if (this.#targets.length === 0 || end - start > authorityCachedBytesMax) return null;
    const hash = hashOf(bytes, start, end);
    let place = firstPlace(hash);
    if (!this.#holds(place, bytes, start, end)) {
      place = secondPlace(hash);
      if (!this.#holds(place, bytes, start, end)) return null;
    }
    const target = this.#targets[place];
    return target === null || target.dropped ? null : target;
  }

  remember(bytes: Uint8Array, start: number, end: number, target: T): void {
    const length = end - start;
    if (length > authorityCachedBytesMax) return;
    if (this.#targets.length === 0) this.#allocate();
    const hash = hashOf(bytes, start, end);
    let place = firstPlace(hash);
    if (this.#targets[place] !== null && !this.#holds(place, bytes, start, end)) {
      place = secondPlace(hash);
    }
    const at = place * placeBytes;
    this.#bytes[at] = length;
    for (let index = 0; index < length; index++) this.#bytes[at + 1 + index] = bytes[start + index];
    this.#targets[place] = target;
  }

  /** Lets go of targets that were dropped. */
  sweep(): void {
    const targets = this.#targets;
    for (let place = 0; place < targets.length; place++) {
      if (targets[place]?.dropped === true) targets[place] = null;
    }
  }

  #holds(place: number, bytes: Uint8Array, start: number, end: number): boolean {
    const own = this.#bytes;
    const at = place * placeBytes;
    const length = end - start;
    if (own[at] !== length) return false;
    for (let index = 0; index < length; index++) {
      if (own[at + 1 + index] !== bytes[start + index]) return false;
    }
    return true;
  }

  /** Only where it is used: a proxy for one local application needs none. */
  #allocate(): void {
    this.#bytes = new Uint8Array(authorityCacheMax * placeBytes);
    this.#targets = new Array<T | null>(authorityCacheMax).fill(null);
  }
}

/** FNV-1a. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at], 0x01000193);
  return hash;
}

function firstPlace(hash: number): number {
  return (hash ^ (hash >>> 16)) & (authorityCacheMax - 1);
}

function secondPlace(hash: number): number {
  return (Math.imul(hash, 0x9e3779b1) >>> 15) & (authorityCacheMax - 1);
}

/** One cache line. */
const placeBytes = authorityCachedBytesMax + 1;
