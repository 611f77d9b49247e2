/** One direction with everything that it needs: layers, pools, acceptance of connections. */

import type { Socket as NetSocket } from 'node:net';
import type { Address } from '../../api/settings.ts';
import {
  distrustedConnectionMs,
  distrustSpreadMs,
  http2ConnectionsMax,
  http2StreamsPerConnectionMax,
} from '../base/limits.ts';
import type { ServerFirstMemory } from '../detect/server-first.ts';
import { formatAddress } from '../discover/address-text.ts';
import type { Exchange, ExchangeClient, ExchangeUpstream } from '../http/exchange.ts';
import { Head } from '../http/head.ts';
import { isNameOf } from '../identity/names.ts';
import type { Socket } from '../io/socket.ts';
import { nobody } from '../io/socket-owner.ts';
import type { PoolContext } from '../pool/pools.ts';
import type { Layer } from '../stack/layer.ts';
import { Accept, type AcceptContext, type Terminator } from './accept.ts';
import { admissionOf } from './admission.ts';
import { Balance } from './balance.ts';
import type { ClientGroup } from './client-group.ts';
import { ClientGroups } from './client-groups.ts';
import type { Core, DirectionName } from './core.ts';
import { Counters } from './counters.ts';
import { Direction } from './direction.ts';
import type { TunnelTaker } from './edge.ts';
import type { Endpoint } from './endpoint.ts';
import type { Gateway } from './gateway.ts';
import { AcceptDirect } from './inbound/accept-direct.ts';
import { inboundLayers } from './inbound/http.ts';
import { Terminate, type TerminateContext } from './inbound/terminate.ts';
import { outboundLayers } from './outbound/http.ts';
import { Route } from './route.ts';
import type { Target } from './target.ts';
import type { Targets } from './targets.ts';
import { Tunnel } from './tunnel.ts';

export class DirectionStack implements TunnelTaker, TerminateContext, Terminator {
  readonly direction: Direction;
  readonly groups: ClientGroups;
  readonly counters: Counters;
  readonly core: Core;
  readonly pools: PoolContext;
  readonly #route: Route;
  readonly #balance: Balance;
  readonly #targets: () => Targets;
  readonly #serverFirst: ServerFirstMemory;
  /** Given to inbound, where there is one. */
  gateway: Gateway | null = null;
  #context: AcceptContext | null = null;
  /** All connections have been asked to end that are older than so many distrusts. */
  #distrustsEnded = 0;
  /** Tunnels have heard of so many. */
  #distrustsTold = 0;

  constructor(
    core: Core,
    name: DirectionName,
    targets: () => Targets,
    serverFirst: ServerFirstMemory,
  ) {
    this.core = core;
    this.#targets = targets;
    this.#serverFirst = serverFirst;
    this.counters = new Counters(core, name);
    this.#route = new Route(core, targets);
    this.#balance = new Balance(core);
    const build = name === 'inbound' ? inboundLayers : outboundLayers;
    const layers = build(core, this.counters, this, this.#route, this.#balance);
    this.direction = new Direction(core, name, layers);
    this.groups = new ClientGroups(this.direction, ({ cells }) => targets().forgetClients(cells));
    this.pools = createPoolContext(core, layers.last);
  }

  adopt(socket: NetSocket, target: Target | null): void {
    const { plain, core, name } = this.direction;
    core.tuneAccepted?.(socket);
    const adopted = core.io.adopt(socket, nobody, plain.cells);
    const context = this.#acceptContext;
    if (name === 'inbound' && core.settings.identity !== '' && target !== null) {
      new Accept(context, plain, adopted, target, nothing, adopted);
    } else {
      plain.accepted();
      new Accept(context, plain, adopted, target, nothing, null);
    }
  }

  /** A connection to the inbound port itself, at this address of ours: it has to say what for. */
  adoptDirect(socket: NetSocket, localHost: string): void {
    const { plain, core } = this.direction;
    core.tuneAccepted?.(socket);
    new AcceptDirect(this, plain, core.io.adopt(socket, nobody, plain.cells), localHost);
  }

  /** Before the proxy knows its whole name it already answers to none in plaintext. */
  claims(serverName: string): boolean {
    const { settings, tls } = this.direction.core;
    return tls.name === '' ? isNameOf(serverName, settings.identity) : serverName === tls.name;
  }

  terminate(socket: Socket, target: Target, first: Buffer): void {
    new Terminate(this, socket, target, '', first);
  }

  terminateDirect(socket: Socket, localHost: string, first: Buffer): void {
    new Terminate(this, socket, null, localHost, first);
  }

  find(address: Address): Target | null {
    return this.#targets().find('inbound', formatAddress(address));
  }

  detect(clients: ClientGroup, socket: Socket, target: Target): void {
    new Accept(this.#acceptContext, clients, socket, target, nothing, null);
  }

  /** Called every `periodMs`: lets go of clients whose trust anchor has left. */
  sweep(periodMs: number): void {
    const { io, tls } = this.direction.core;
    const sinceMs = this.groups.sweep();
    if (this.#distrustsTold !== tls.distrusts) {
      this.#distrustsTold = tls.distrusts;
      this.direction.distrust();
    }
    if (io.nowMs >= sinceMs + distrustedConnectionMs * 0.9)
      this.direction.resetDistrusted(periodMs);
    if (sinceMs === Number.POSITIVE_INFINITY || this.#distrustsEnded === tls.distrusts) return;
    const endMs = tls.distrustedMs + distrustSpreadMs;
    if (io.nowMs >= endMs) this.#distrustsEnded = tls.distrusts;
    this.direction.endDistrusted(periodMs, endMs);
  }

  /** Known, or not in time for those who came until `arrivedMs`. */
  discovered(target: Target, arrivedMs: number): void {
    const later = target.waiters.findIndex((waiter) => waiter.arrivedMs > arrivedMs);
    const told = target.waiters.splice(0, later === -1 ? target.waiters.length : later);
    for (const waiter of told) waiter.onTarget(target);
    this.#route.discovered(target, arrivedMs);
  }

  changed(target: Target): void {
    if (target.direction === 'inbound') {
      this.direction.reauthorize();
      this.gateway?.reauthorize();
    }
    this.#balance.retry(target);
  }

  upgraded(x: Exchange): void {
    const endpoint = x.endpoint as Endpoint;
    const target = x.target as Target;
    const clients = this.clientsOf(x);
    const server = (x.upstream as ExchangeUpstream).detach(x);
    const client = (x.client as ExchangeClient).detach(x);
    const admission = admissionOf(clients, client.conduit, target);
    const side = { ...client, admission };
    new Tunnel(clients, endpoint, side, server, this.#distrustsOf(x, endpoint));
  }

  /** As of which trust anchors the connection that the request went out on was verified. */
  #distrustsOf({ attemptMs }: Exchange, { transport }: Endpoint): number {
    const { tls } = this.direction.core;
    const { distrusts } = transport;
    // Until then one from before may have taken it.
    const isOld = distrusts > 0 && attemptMs < tls.distrustedMs + distrustSpreadMs;
    return isOld ? distrusts - 1 : distrusts;
  }

  connected(x: Exchange): void {
    const target = x.target as Target;
    const { conduit, first } = (x.client as ExchangeClient).establish(x);
    new Accept(this.#acceptContext, this.direction.plain, conduit, target, first, null);
  }

  clientsOf(x: Exchange): ClientGroup {
    const { identity } = (x.client as ExchangeClient).connection;
    return identity === null ? this.direction.plain : (identity as ClientGroup);
  }

  get plain(): ClientGroup {
    return this.direction.plain;
  }

  get #acceptContext(): AcceptContext {
    this.#context ??= {
      terminator: this,
      groups: this.groups,
      targets: this.#targets(),
      serverFirst: this.#serverFirst,
      counters: this.counters,
    };
    return this.#context;
  }
}

function createPoolContext(core: Core, sink: Layer<Exchange>): PoolContext {
  const { settings, io, deadlines, random } = core;
  const common = {
    io,
    deadlines,
    sink,
    responseTimeoutMs: settings.responseTimeoutMs,
    connectionsMax: settings.poolConnectionsMax,
    idleMax: settings.poolIdleMax,
    waitingMax: settings.queueRequestsMax,
  };
  return {
    h1: {
      ...common,
      random,
      head: new Head(),
      headBytesMax: settings.headBytesMax,
      headFieldsMax: settings.headFieldsMax,
      poolIdleTimeoutMs: settings.poolIdleTimeoutMs,
    },
    h2: {
      ...common,
      connectionsMax: http2ConnectionsMax,
      random,
      thread: core.h2,
      headTimeoutMs: settings.headTimeoutMs,
      idleTimeoutMs: settings.http2IdleTimeoutMs,
      keepAliveIntervalMs: settings.http2KeepAliveIntervalMs,
      keepAliveTimeoutMs: settings.http2KeepAliveTimeoutMs,
      connectionAgeMs: settings.http2ConnectionAgeMs,
      streamsPerConnection: http2StreamsPerConnectionMax,
    },
  };
}

const nothing = Buffer.alloc(0);
