/**
 * One direction of the proxy in one thread: its layers, the client connections that belong to it,
 * what is counted of them, and how it drains.
 */

import { statusField, statusWords } from '../../api/shared-memory.ts';
import { distrustedConnectionMs, drainLooksMin } from '../base/limits.ts';
import type { H2ServerContext } from '../http/h2/server-context.ts';
import type { ServerConnection } from '../http/server-context.ts';
import { anchorLeft } from '../pool/pool-events.ts';
import { ClientCells } from './client-cells.ts';
import { ClientGroup, type GroupDirection } from './client-group.ts';
import type { Core, DirectionName } from './core.ts';
import { recordDistrusted } from './distrusted.ts';
import type { HttpLayers } from './layers.ts';
import { acceptSpans, clientAddress, connectionSpans } from './log-spans.ts';
import { recordEnded } from './record-closed.ts';

export class Direction implements GroupDirection {
  readonly name: DirectionName;
  readonly core: Core;
  /** The clients that speak plaintext. */
  readonly plain: ClientGroup;
  readonly #layers: HttpLayers;
  /** With how often a drain has looked at each. */
  readonly #open = new Map<ServerConnection, number>();
  readonly #connectionsAt: number;
  #draining = false;
  #stopping = false;

  constructor(core: Core, name: DirectionName, layers: HttpLayers) {
    this.name = name;
    this.core = core;
    this.#layers = layers;
    const field = name === 'inbound' ? 'connectionsInbound' : 'connectionsOutbound';
    this.#connectionsAt = core.worker * statusWords + statusField[field];
    const cells = new ClientCells(core.registry, name, {
      tls: 'no_identity',
      no_tls_reason: name === 'inbound' ? 'no_tls_from_remote' : 'loopback',
    });
    this.plain = new ClientGroup(this, cells, null);
  }

  /** What the HTTP connections of `clients` are served with. */
  serverContext(clients: ClientGroup): H2ServerContext {
    const { core } = this;
    const { settings } = core;
    const isDraining = (): boolean => this.#draining;
    return {
      identity: clients.identity,
      io: core.io,
      deadlines: core.deadlines,
      exchanges: core.exchanges,
      handler: this.#layers.first,
      rejects: this.#layers.rejects,
      headBytesMax: settings.headBytesMax,
      headFieldsMax: settings.headFieldsMax,
      headTimeoutMs: settings.headTimeoutMs,
      bodyIdleTimeoutMs: settings.bodyIdleTimeoutMs,
      clientIdleTimeoutMs: settings.clientIdleTimeoutMs,
      keepAliveIntervalMs: settings.http2ServerKeepAliveIntervalMs,
      keepAliveTimeoutMs: settings.http2ServerKeepAliveTimeoutMs,
      get draining() {
        return isDraining() || clients.distrusted;
      },
      thread: core.h2,
      random: core.random,
      opened: (server) => clients.opened(server),
      closed: (server, gone) => {
        clients.closed(server);
        if (!gone) return;
        clients.ended();
        if (server.socket !== undefined) recordEnded(clients, server.socket);
      },
      violated: (peer, text) => {
        const spans = connectionSpans(clients, peer, null);
        core.log.info('heddle::proxy', 'HTTP/2 client broke a rule', { text }, spans);
      },
    };
  }

  /** Connections and bytes of plaintext clients so far: it stays while nothing happens. */
  get progress(): number {
    const { cells } = this.core;
    const { openTotalCell, readCell, writeCell } = this.plain.cells;
    return cells[openTotalCell] + cells[readCell] + cells[writeCell];
  }

  /** A connection has begun to be something; its group of clients says so. */
  opened(connection: ServerConnection): void {
    this.#open.set(connection, 0);
    this.#count(1);
  }

  /** False when that is known already. */
  closed(connection: ServerConnection): boolean {
    if (!this.#open.delete(connection)) return false;
    this.#count(-1);
    return true;
  }

  /** Responses carry `connection: close` from now on; everything else goes on. */
  announce(): void {
    this.#draining = true;
  }

  /** From now on connections end when they are idle. */
  stop(): void {
    this.#draining = true;
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

  /**
   * A part of those whose clients are distrusted, so that all of them have been ended at
   * `endMs`: what is under way is answered.
   */
  endDistrusted(periodMs: number, endMs: number): void {
    for (const connection of this.#open.keys()) {
      const group = connection.identity as ClientGroup | null | undefined;
      if (group?.distrusted === true && this.#isTurn(periodMs, endMs)) connection.closeIdle();
    }
  }

  /**
   * The same of those that do not end, in the last tenth of the time that all have: requests and
   * streams that are under way are cut off.
   */
  resetDistrusted(periodMs: number): void {
    const { core, name: direction } = this;
    for (const connection of this.#open.keys()) {
      const group = connection.identity as ClientGroup | null | undefined;
      if (group?.distrusted !== true) continue;
      const endMs = group.distrustedMs + distrustedConnectionMs;
      if (core.io.nowMs < endMs - distrustedConnectionMs / 10) continue;
      if (!this.#isTurn(periodMs, endMs)) continue;
      const labels = { direction, peer: 'src', carried: 'http' } as const;
      const { socket } = connection;
      const spans = socket === undefined ? [] : acceptSpans(group, clientAddress(socket));
      recordDistrusted(core, labels, { client: group.name }, spans);
      connection.closeForced(anchorLeft);
    }
  }

  /** A trust anchor has left: tunnels, which nothing ends in order, see to themselves. */
  distrust(): void {
    for (const connection of this.#open.keys()) connection.distrust?.();
  }

  /** The policy of a target has changed. Requests ask for it by themselves. */
  reauthorize(): void {
    for (const connection of this.#open.keys()) connection.reauthorize?.();
  }

  force(): void {
    for (const connection of this.#open.keys()) connection.closeForced();
  }

  /** Drawn every `periodMs`, so that the moments of all are spread and none is behind `endMs`. */
  #isTurn(periodMs: number, endMs: number): boolean {
    const { io, random } = this.core;
    const share = periodMs / Math.max(periodMs, endMs - io.nowMs);
    return random.uint32() / 2 ** 32 < share;
  }

  #count(change: number): void {
    Atomics.add(this.core.memory.status, this.#connectionsAt, change);
  }
}
