/** Two connections that have become one stream of bytes, as the proxy's directions count it. */

import type { ServerConnection } from '../http/h1/server-context.ts';
import type { Socket } from '../io/socket.ts';
import { Splice } from '../io/splice.ts';
import type { Direction } from './direction.ts';
import type { Endpoint } from './endpoint.ts';

export interface TunnelSide {
  readonly socket: Socket;
  /** Bytes that were read from it before the tunnel began. */
  readonly first: Buffer;
}

export class Tunnel implements ServerConnection {
  readonly #direction: Direction;
  readonly #endpoint: Endpoint;
  readonly #splice: Splice;

  constructor(direction: Direction, endpoint: Endpoint, client: TunnelSide, server: TunnelSide) {
    this.#direction = direction;
    this.#endpoint = endpoint;
    direction.opened(this);
    endpoint.start();
    endpoint.opened();
    const { io } = direction.core;
    io.enter();
    if (client.first.length > 0) server.socket.write(client.first, 0, client.first.length);
    if (server.first.length > 0) client.socket.write(server.first, 0, server.first.length);
    this.#splice = new Splice(io, client.socket, server.socket, () => this.#ended());
    io.leave();
  }

  /** Nobody knows when a tunnel is idle: it lasts until a side ends it or the drain forces it. */
  closeIdle(): void {}

  closeForced(): void {
    this.#splice.reset();
  }

  #ended(): void {
    this.#endpoint.finish();
    this.#endpoint.closed();
    this.#direction.closed(this);
    this.#direction.ended();
  }
}
