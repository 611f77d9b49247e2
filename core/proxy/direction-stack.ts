/** One direction with everything that it needs: layers, pools, acceptance of connections. */

import type { Socket as NetSocket } from 'node:net';
import type { ServerFirstMemory } from '../detect/server-first.ts';
import type { Exchange } from '../http/exchange.ts';
import type { H1Client } from '../http/h1/client.ts';
import type { H1Server } from '../http/h1/server.ts';
import { Head } from '../http/head.ts';
import { nobody } from '../io/socket.ts';
import type { PoolContext } from '../pool/h1-pool.ts';
import { Accept, type AcceptContext } from './accept.ts';
import { Balance } from './balance.ts';
import type { Core, DirectionName } from './core.ts';
import { Counters } from './counters.ts';
import { Direction } from './direction.ts';
import type { TunnelTaker } from './edge.ts';
import type { Endpoint } from './endpoint.ts';
import { inboundLayers } from './inbound/http.ts';
import { outboundLayers } from './outbound/http.ts';
import { Route } from './route.ts';
import type { Target } from './target.ts';
import type { Targets } from './targets.ts';
import { Tunnel } from './tunnel.ts';

export class DirectionStack implements TunnelTaker {
  readonly direction: Direction;
  readonly pool: PoolContext;
  readonly #route: Route;
  readonly #balance: Balance;
  readonly #targets: () => Targets;
  readonly #serverFirst: ServerFirstMemory;
  readonly #counters: Counters;
  #context: AcceptContext | null = null;

  constructor(
    core: Core,
    name: DirectionName,
    targets: () => Targets,
    serverFirst: ServerFirstMemory,
  ) {
    this.#targets = targets;
    this.#serverFirst = serverFirst;
    this.#counters = new Counters(core, name);
    this.#route = new Route(core, targets);
    this.#balance = new Balance(core);
    const build = name === 'inbound' ? inboundLayers : outboundLayers;
    const layers = build(core, this.#counters, this, this.#route, this.#balance);
    this.direction = new Direction(core, name, layers);
    const { settings } = core;
    this.pool = {
      io: core.io,
      deadlines: core.deadlines,
      timers: core.timers,
      head: new Head(settings.headFieldsMax),
      sink: layers.last,
      headBytesMax: settings.headBytesMax,
      headFieldsMax: settings.headFieldsMax,
      responseTimeoutMs: settings.responseTimeoutMs,
      poolIdleTimeoutMs: settings.poolIdleTimeoutMs,
      connectTimeoutMs: settings.connectTimeoutMs,
      connectionsMax: settings.poolConnectionsMax,
      waitingMax: settings.queueRequestsMax,
    };
  }

  adopt(socket: NetSocket, target: Target | null): void {
    const adopted = this.direction.core.io.adopt(socket, nobody, this.direction.meter);
    this.direction.accepted();
    new Accept(this.#acceptContext, adopted, target, nothing);
  }

  /** Known, or not in time for those who came until `arrivedMs`. */
  discovered(target: Target, arrivedMs: number): void {
    const later = target.waiters.findIndex((waiter) => waiter.arrivedMs > arrivedMs);
    const told = target.waiters.splice(0, later === -1 ? target.waiters.length : later);
    for (const waiter of told) waiter.onTarget(target);
    this.#route.discovered(target, arrivedMs);
  }

  changed(target: Target): void {
    this.#balance.retry(target);
  }

  upgraded(x: Exchange, server: H1Server): void {
    const upstream = x.upstream as H1Client;
    const endpoint = x.endpoint as Endpoint;
    const serverSide = { socket: upstream.socket, first: upstream.detach(x) };
    const clientSide = { socket: server.socket, first: server.detach(x) };
    new Tunnel(this.direction, endpoint, clientSide, serverSide);
  }

  connected(x: Exchange, server: H1Server): void {
    const target = x.target as Target;
    const { socket } = server;
    socket.writeLatin1('HTTP/1.1 200 Connection Established\r\n\r\n');
    new Accept(this.#acceptContext, socket, target, server.detach(x));
  }

  get #acceptContext(): AcceptContext {
    this.#context ??= {
      direction: this.direction,
      targets: this.#targets(),
      serverFirst: this.#serverFirst,
      counters: this.#counters,
    };
    return this.#context;
  }
}

const nothing = Buffer.alloc(0);
