/** What the HTTP/2 connections of one thread share: settings, and what lasts for an event only. */

import { ownHeadsMax } from '../../base/limits.ts';
import { headOfLines } from '../field-lines.ts';
import { Head } from '../head.ts';
import { fieldOutputBytes, type HeadLimits } from './decode-head.ts';

/** What we announce of ourselves, and how connections are kept alive. */
export interface H2Settings extends HeadLimits {
  readonly initialStreamWindowBytes: number;
  readonly initialConnectionWindowBytes: number;
  readonly maxConcurrentStreams: number;
  readonly maxFrameBytes: number;
}

export class H2Thread {
  readonly settings: H2Settings;
  /** Decoded fields. */
  readonly fields: Buffer;
  /** Response heads and trailers are decoded here and handed on at once. */
  readonly head: Head;

  /** Heads of the lines that came up lately. */
  readonly #own = new Map<string, Head>();
  #lastLines = '';
  #last = headOfLines('');

  constructor(settings: H2Settings) {
    this.settings = settings;
    this.fields = Buffer.allocUnsafeSlow(fieldOutputBytes(settings));
    this.head = new Head();
  }

  /** Lines of our own as a head: of the requests that have any most have the same few. */
  headOf(lines: string): Head {
    if (lines === this.#lastLines) return this.#last;
    let own = this.#own.get(lines);
    if (own === undefined) {
      own = headOfLines(lines);
      if (this.#own.size === ownHeadsMax) this.#own.clear();
      this.#own.set(lines, own);
    }
    this.#lastLines = lines;
    this.#last = own;
    return own;
  }
}
