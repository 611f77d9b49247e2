/** What the client connections of one direction share, and what each asks of its pool. */

import type { Deadlines } from '../../base/deadlines.ts';
import type { Io } from '../../io/io.ts';
import type { Layer } from '../../stack/layer.ts';
import type { Exchange } from '../exchange.ts';
import type { Head } from '../head.ts';

export interface ClientContext {
  readonly io: Io;
  readonly deadlines: Deadlines;
  /** Response heads are decoded here and handed on at once: one for the whole thread. */
  readonly head: Head;
  /** The last layer: responses enter the stack here, on their way back. */
  readonly sink: Layer<Exchange>;
  readonly headBytesMax: number;
  readonly headFieldsMax: number;
  readonly responseTimeoutMs: number;
  readonly poolIdleTimeoutMs: number;
}

/** The pool of a connection. `C` is the connection itself, which this file does not know. */
export interface ClientOwner<C> {
  /** `host:port` of the endpoint. */
  readonly address: string;
  /** The exchange has ended and the connection can take another. */
  idle(client: C): void;
  /** The connection has ended, or belongs to somebody else now. */
  closed(client: C): void;
  /** Bytes came while nothing was asked. */
  strayBytes(): void;
}
