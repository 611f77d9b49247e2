/** Exchanges that wait in order of arrival; any of them may leave at any time, in O(1). */

import { assert } from '../base/assert.ts';
import type { Exchange } from './exchange.ts';

export class WaitList {
  length = 0;
  #first: Exchange | null = null;
  #last: Exchange | null = null;

  get first(): Exchange | null {
    return this.#first;
  }

  /** `x` outlives the event that brought it: its head is copied out of the read buffer. */
  push(x: Exchange): void {
    assert(x.waitingIn === null, 'an exchange waits in one place');
    x.request.hold();
    x.waitingIn = this;
    x.nextWaiting = null;
    x.prevWaiting = this.#last;
    if (this.#last === null) this.#first = x;
    else this.#last.nextWaiting = x;
    this.#last = x;
    this.length += 1;
  }

  shift(): Exchange | null {
    const x = this.#first;
    if (x !== null) this.remove(x);
    return x;
  }

  /** False when `x` does not wait here. */
  remove(x: Exchange): boolean {
    if (x.waitingIn !== this) return false;
    if (x.prevWaiting === null) this.#first = x.nextWaiting;
    else x.prevWaiting.nextWaiting = x.nextWaiting;
    if (x.nextWaiting === null) this.#last = x.prevWaiting;
    else x.nextWaiting.prevWaiting = x.prevWaiting;
    x.prevWaiting = null;
    x.nextWaiting = null;
    x.waitingIn = null;
    this.length -= 1;
    return true;
  }
}
