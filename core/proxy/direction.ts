/**
 * One direction of the proxy in one thread: its layers, the client connections that belong to it,
 * what is counted of them, and how it drains.
 */

import { statusField, statusWords } from '../../api/shared-memory.ts';
import { drainLooksMin } from '../base/limits.ts';
import type { H2ServerContext } from '../http/h2/server-context.ts';
import type { ServerConnection } from '../http/server-context.ts';
import type { Meter } from '../io/socket.ts';
import type { Core, DirectionName } from './core.ts';
import type { HttpLayers } from './layers.ts';

export class Direction {
  readonly name: DirectionName;
  readonly core: Core;
  /** For connections of either version. */
  readonly server: H2ServerContext;
  readonly meter: Meter;
  /** With how often a drain has looked at each. */
  readonly #open = new Map<ServerConnection, number>();
  readonly #openCell: number;
  readonly #openTotalCell: number;
  readonly #closeCell: number;
  readonly #connectionsAt: number;
  #stopping = false;

  constructor(core: Core, name: DirectionName, layers: HttpLayers) {
    this.name = name;
    this.core = core;
    const { registry, settings } = core;
    const labels = {
      direction: name,
      peer: 'src',
      tls: 'no_identity',
      no_tls_reason: name === 'inbound' ? 'no_tls_from_remote' : 'loopback',
    };
    this.meter = {
      readCell: registry.counter('tcp_read_bytes_total', labels),
      writeCell: registry.counter('tcp_write_bytes_total', labels),
    };
    this.#openCell = registry.gauge('tcp_open_connections', labels);
    this.#openTotalCell = registry.counter('tcp_open_total', labels);
    this.#closeCell = registry.counter('tcp_close_total', { ...labels, errno: '' });
    const field = name === 'inbound' ? 'connectionsInbound' : 'connectionsOutbound';
    this.#connectionsAt = core.worker * statusWords + statusField[field];
    this.server = {
      io: core.io,
      deadlines: core.deadlines,
      exchanges: core.exchanges,
      handler: layers.first,
      rejects: layers.rejects,
      headBytesMax: settings.headBytesMax,
      headFieldsMax: settings.headFieldsMax,
      headTimeoutMs: settings.headTimeoutMs,
      bodyIdleTimeoutMs: settings.bodyIdleTimeoutMs,
      clientIdleTimeoutMs: settings.clientIdleTimeoutMs,
      draining: false,
      thread: core.h2,
      random: core.random,
      opened: (server) => this.opened(server),
      closed: (server, gone) => {
        this.closed(server);
        if (gone) this.ended();
      },
      violated: (peer, text) => {
        core.log.info('proxy', 'HTTP/2 client broke a rule', {
          direction: name,
          client: peer,
          text,
        });
      },
    };
  }

  /** Connections and bytes of clients so far: it stays the same while nothing happens. */
  get progress(): number {
    const { cells } = this.core;
    const { readCell, writeCell } = this.meter;
    return cells[this.#openTotalCell] + cells[readCell] + cells[writeCell];
  }

  /** A client has connected: the first thing that happens to it. */
  accepted(): void {
    this.core.cells[this.#openTotalCell] += 1;
  }

  /** A connection has begun to be something; each has one `closed`. */
  opened(connection: ServerConnection): void {
    this.#open.set(connection, 0);
    this.#count(1);
  }

  closed(connection: ServerConnection): void {
    if (this.#open.delete(connection)) this.#count(-1);
  }

  /** A client connection is gone for good, not turned into something else. */
  ended(): void {
    this.core.cells[this.#closeCell] += 1;
  }

  /** Responses carry `connection: close` from now on; everything else goes on. */
  announce(): void {
    this.server.draining = true;
  }

  /** From now on connections end when they are idle. */
  stop(): void {
    this.server.draining = true;
    this.#stopping = true;
  }

  /**
   * While stopping: ends what is idle. Called again and again until nothing is left, and the first
   * times only to wait: a request that has arrived and is not read yet, on a connection that was
   * adopted a moment ago or kept, would be lost, because the kernel answers it with a reset.
   */
  closeIdle(): void {
    if (!this.#stopping) return;
    for (const [connection, looks] of this.#open) {
      if (looks < drainLooksMin) this.#open.set(connection, looks + 1);
      else connection.closeIdle();
    }
  }

  force(): void {
    for (const connection of this.#open.keys()) connection.closeForced();
  }

  #count(change: number): void {
    const { memory, cells } = this.core;
    Atomics.add(memory.status, this.#connectionsAt, change);
    cells[this.#openCell] += change;
  }
}
