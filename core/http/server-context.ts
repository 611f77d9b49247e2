/** What the server connections of clients that are alike share, whichever version they speak. */

import type { Deadlines } from '../base/deadlines.ts';
import type { Conduit } from '../io/conduit.ts';
import type { Io } from '../io/io.ts';
import type { Layer } from '../stack/layer.ts';
import type { ClientIdentity, Exchange, Exchanges } from './exchange.ts';

/** What the owner of the connections may ask of one. */
export interface ServerConnection {
  /** Of the client of a connection of HTTP. */
  readonly identity?: ClientIdentity | null;
  /** The connection of HTTP itself. */
  readonly socket?: Conduit;
  /** A trust anchor has left: for what no `closeIdle` ends and whose peers may be proved by it. */
  distrust?(): void;
  /** The policy of its target has changed: for what no request passes any more. */
  reauthorize?(): void;
  /** Ends it if nothing is in progress. */
  closeIdle(): void;
  /** Ends it whatever is in progress, by default because the proxy shuts down. */
  closeForced(reason?: string): void;
}

export interface ServerContext {
  /** Who the clients of these connections are. */
  readonly identity: ClientIdentity | null;
  readonly io: Io;
  readonly deadlines: Deadlines;
  readonly exchanges: Exchanges;
  /** The first layer that requests pass. */
  readonly handler: Layer<Exchange>;
  /** Where a request that could not be read enters, by `fail`, on its way back. */
  readonly rejects: Layer<Exchange>;
  readonly headBytesMax: number;
  readonly headFieldsMax: number;
  readonly headTimeoutMs: number;
  readonly bodyIdleTimeoutMs: number;
  readonly clientIdleTimeoutMs: number;
  /** Clients are told, with each response, that the connection is about to end. */
  draining: boolean;
  opened(server: ServerConnection): void;
  /** `gone`: the socket is closed or closing; else it belongs to somebody else now. */
  closed(server: ServerConnection, gone: boolean): void;
}
