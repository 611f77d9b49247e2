/** What the HTTP/2 client connections of one direction share, and what each asks of its pool. */

import type { Layer } from '../../stack/layer.ts';
import type { Exchange } from '../exchange.ts';
import type { H2Context } from './connection.ts';

export interface H2ClientContext extends H2Context {
  /** The last layer: responses enter the stack here, on their way back. */
  readonly sink: Layer<Exchange>;
  readonly responseTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly keepAliveIntervalMs: number;
  readonly keepAliveTimeoutMs: number;
}

/** The pool of a connection. `C` is the connection itself, which this file does not know. */
export interface H2ClientOwner<C> {
  /** `host:port` of the endpoint. */
  readonly address: string;
  /** There is room for another request, or for none any more. */
  changed(client: C): void;
  /** The connection has ended. */
  closed(client: C): void;
  /** The endpoint broke a rule, for which a stream, or the connection, has been ended. */
  violated(text: string): void;
}
