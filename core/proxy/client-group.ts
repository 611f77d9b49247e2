/**
 * The clients of one direction that are alike: those in plaintext, or those that have proved the
 * same identity. Their connections share metric cells and what the servers of HTTP need, so that
 * an identity costs a connection nothing and a request no lookup.
 */

import type { ClientIdentity } from '../http/exchange.ts';
import type { H2ServerContext } from '../http/h2/server-context.ts';
import type { ServerConnection } from '../http/server-context.ts';
import type { ClientCells } from './client-cells.ts';
import type { Core, DirectionName } from './core.ts';

/** One direction of the proxy, as a group sees it. */
export interface GroupDirection {
  readonly name: DirectionName;
  readonly core: Core;
  serverContext(clients: ClientGroup): H2ServerContext;
  opened(connection: ServerConnection): void;
  /** False when that is known already. */
  closed(connection: ServerConnection): boolean;
}

export class ClientGroup implements ClientIdentity {
  readonly direction: GroupDirection;
  /** Null for those in plaintext. */
  readonly identity: ClientGroup | null;
  readonly name: string;
  readonly line: string;
  readonly cells: ClientCells;
  /** For connections of either version. */
  readonly server: H2ServerContext;
  /** A trust anchor has left since they proved it: their connections take no new request. */
  distrusted = false;
  /** Since when, monotonic. */
  distrustedMs = 0;
  /** Connections that are open. */
  open = 0;

  /** `name`: who they have proved to be, empty for nobody; null in plaintext. */
  constructor(direction: GroupDirection, cells: ClientCells, name: string | null) {
    this.direction = direction;
    this.cells = cells;
    this.identity = name === null ? null : this;
    this.name = name ?? '';
    this.line = this.name === '' ? '' : `l5d-client-id: ${this.name}\r\n`;
    this.server = direction.serverContext(this);
  }

  /** A client has connected that is one of them. */
  accepted(): void {
    this.direction.core.cells[this.cells.openTotalCell] += 1;
  }

  /** A connection has begun to be something; each has one `closed`. */
  opened(connection: ServerConnection): void {
    this.open += 1;
    this.direction.core.cells[this.cells.openCell] += 1;
    this.direction.opened(connection);
  }

  closed(connection: ServerConnection): void {
    if (!this.direction.closed(connection)) return;
    this.open -= 1;
    this.direction.core.cells[this.cells.openCell] -= 1;
  }

  /** A client connection is gone for good, not turned into something else. */
  ended(): void {
    this.direction.core.cells[this.cells.closeCell] += 1;
  }
}
