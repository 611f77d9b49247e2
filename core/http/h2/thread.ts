/** What the HTTP/2 connections of one thread share: settings, and what lasts for an event only. */

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

  constructor(settings: H2Settings) {
    this.settings = settings;
    this.fields = Buffer.allocUnsafeSlow(fieldOutputBytes(settings));
    this.head = new Head();
  }
}
