/**
 * The streams of a connection that have something to send, in the order of their turns: one frame
 * a turn, so that a long body holds up nobody (RFC 9113 5.3 leaves the order to us).
 */

import type { Stream } from './stream.ts';

export class ReadyList {
  #first: Stream | null = null;
  #last: Stream | null = null;

  get empty(): boolean {
    return this.#first === null;
  }

  /** At the end; a stream that has its place keeps it. */
  add(stream: Stream): void {
    if (stream.isReady) return;
    stream.isReady = true;
    stream.nextReady = null;
    stream.prevReady = this.#last;
    if (this.#last === null) this.#first = stream;
    else this.#last.nextReady = stream;
    this.#last = stream;
  }

  shift(): Stream | null {
    const stream = this.#first;
    if (stream !== null) this.remove(stream);
    return stream;
  }

  remove(stream: Stream): void {
    if (!stream.isReady) return;
    if (stream.prevReady === null) this.#first = stream.nextReady;
    else stream.prevReady.nextReady = stream.nextReady;
    if (stream.nextReady === null) this.#last = stream.prevReady;
    else stream.nextReady.prevReady = stream.prevReady;
    stream.prevReady = null;
    stream.nextReady = null;
    stream.isReady = false;
  }
}
