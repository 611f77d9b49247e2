/**
 * The gateway: a peer of the mesh that dials the inbound port and names a service instead of a
 * port is carried on to that service, as if it were an application of ours. Only names below the
 * configured suffixes are; who may come at all is up to the policy of the inbound port.
 */

import { ProxyError } from '../base/errors.ts';
import { formatAddress } from '../discover/address-text.ts';
import { isBelow } from '../discover/profile-rules.ts';
import type { Exchange, ExchangeClient } from '../http/exchange.ts';
import { type Head, Method } from '../http/head.ts';
import { Known } from '../http/known-fields.ts';
import type { ServerConnection } from '../http/server-context.ts';
import { isDnsIdentity } from '../identity/names.ts';
import type { Socket } from '../io/socket.ts';
import type { SocketOwner } from '../io/socket-owner.ts';
import { Layer } from '../stack/layer.ts';
import type { TransportHeader } from '../tls/transport-header.ts';
import { type Admission, admissionOf } from './admission.ts';
import type { ClientGroup } from './client-group.ts';
import type { ClientGroups } from './client-groups.ts';
import type { Core } from './core.ts';
import type { Counters } from './counters.ts';
import { Opaque } from './opaque.ts';
import { explainCode, recordClosed } from './record-closed.ts';
import { serveHttp } from './serve-http.ts';
import { Target, type TargetDirection, type TargetWaiter } from './target.ts';
import type { Targets } from './targets.ts';

/** The outbound direction, as the gateway uses it. */
interface GatewayWay extends TargetDirection {
  readonly groups: ClientGroups;
  readonly counters: Counters;
  readonly direction: { reauthorize(): void };
}

export class Gateway {
  readonly #way: GatewayWay;
  readonly #targets: Targets;
  /** By whose policies its peers are let in; they stay known for what changes there. */
  readonly #own = new Set<Target>();
  /** For names that are not behind it: nothing is asked about them. */
  readonly #nowhere: Target;

  constructor(way: GatewayWay, targets: Targets) {
    this.#way = way;
    this.#targets = targets;
    this.#nowhere = new Target(way, 'bind:', 'outbound');
    this.#nowhere.known = true;
    this.#nowhere.absent = true;
  }

  /** A policy has changed: tunnels that it lets in no longer end. */
  reauthorize(): void {
    this.#way.direction.reauthorize();
  }

  /**
   * Takes the connection over; `first` is what came behind the header, `own` the target of the port
   * that it came to. False: there is no room.
   */
  enter(
    peer: ClientGroup,
    socket: Socket,
    header: TransportHeader,
    first: Buffer,
    own: Target,
  ): boolean {
    const { groups, counters } = this.#way;
    const target = this.#find(header);
    if (target === null) return false;
    if (!this.#own.has(own)) own.holders += 1;
    this.#own.add(own);
    const admission = admissionOf(peer, socket, own);
    peer.ended();
    const clients = groups.identified(peer.name);
    socket.meter = clients.cells;
    clients.accepted();
    if (header.session !== null) {
      serveHttp(clients, socket, target, header.session, first, first.length, admission);
    } else {
      new GatewayTunnel(clients, counters, socket, first, admission).start(target);
    }
    return true;
  }

  #find({ name, port }: TransportHeader): Target | null {
    const { gatewaySuffixes } = this.#way.core.settings;
    const host = name.toLowerCase().replace(/\.$/, '');
    const authority = formatAddress({ host, port });
    const isBehind = isDnsIdentity(host) && isBelow(host, gatewaySuffixes);
    // As a port of one service, it never goes to where DNS says.
    return isBehind ? this.#targets.find('bind', authority) : this.#nowhere;
  }
}

/** Waits until it is known where the bytes go. */
class GatewayTunnel implements SocketOwner, ServerConnection, TargetWaiter {
  arrivedMs = 0;
  readonly #clients: ClientGroup;
  readonly #counters: Counters;
  readonly #socket: Socket;
  readonly #first: Buffer;
  readonly #admission: Admission | null;
  #over = false;

  constructor(
    clients: ClientGroup,
    counters: Counters,
    socket: Socket,
    first: Buffer,
    admission: Admission | null,
  ) {
    this.#admission = admission;
    this.#clients = clients;
    this.#counters = counters;
    this.#socket = socket;
    this.#first = first;
    socket.owner = this;
    socket.pause();
    clients.opened(this);
  }

  start(target: Target): void {
    const { core } = this.#clients.direction;
    if (this.#clients.name === core.tls.name) {
      this.#refuse('LOOP', 'the client is this proxy itself');
      return;
    }
    target.holders += 1;
    this.arrivedMs = core.io.nowMs;
    if (target.known) this.onTarget(target);
    else target.waiters.push(this);
  }

  onTarget(target: Target): void {
    target.holders -= 1;
    if (this.#over) return;
    if (!target.known) {
      this.#refuse('DISCOVERY_TIMEOUT', target.key);
      return;
    }
    this.#leave();
    const client = { conduit: this.#socket, first: this.#first };
    new Opaque(this.#clients, this.#counters, client, target, null, this.#admission);
  }

  /** It is bounded in time. */
  closeIdle(): void {}

  closeForced(): void {
    this.#close();
  }

  onBytes(): void {}

  onEnd(): void {}

  onCongested(): void {}

  onDrain(): void {}

  onClose(): void {
    this.#close();
  }

  #refuse(code: 'LOOP' | 'DISCOVERY_TIMEOUT', reason: string): void {
    this.#counters.tcpError(code);
    const { name: identity } = this.#clients;
    const error = explainCode(code, reason);
    recordClosed(this.#clients, this.#socket, null, error, { code, identity });
    this.#close();
  }

  #close(): void {
    if (this.#over) return;
    this.#leave();
    this.#clients.ended();
    this.#socket.reset();
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#clients.closed(this);
  }
}

/**
 * Says for whom the gateway forwards a request, and ends one that comes back to it. Applications of
 * ours prove no identity, so that whoever has one has come by the gateway.
 */
export class PassGateway extends Layer<Exchange> {
  readonly #core: Core;

  constructor(core: Core) {
    super();
    this.#core = core;
  }

  override request(x: Exchange): void {
    const { identity, fixedTarget, grant } = (x.client as ExchangeClient).connection;
    if (identity === null) {
      this.next.request(x);
      return;
    }
    if ((grant as Admission | null)?.holds() === false) {
      x.closing = true;
      this.prev.fail(x, new ProxyError('UNAUTHORIZED', 'the policy of the gateway has changed'));
      return;
    }
    const own = this.#core.tls.name;
    if (x.request.method === Method.CONNECT) {
      this.prev.fail(x, new ProxyError('UNKNOWN_SERVICE', 'CONNECT is not for a gateway'));
    } else if (identity.name === own || isForwardedBy(x.request, own)) {
      this.prev.fail(x, new ProxyError('LOOP', `${own} has forwarded it already`));
    } else {
      const host = (fixedTarget as Target).key.slice('bind:'.length);
      x.extraFields += `forwarded: by=${own};for=${identity.name};host=${host};proto=https\r\n`;
      this.next.request(x);
    }
  }
}

/** Whether an element of Forwarded (RFC 7239) names us. */
function isForwardedBy(head: Head, own: string): boolean {
  if ((head.seen & (1 << Known.FORWARDED)) === 0) return false;
  for (let index = 0; index < head.count; index++) {
    if (head.known[index] !== Known.FORWARDED) continue;
    for (const pair of head.valueOf(index).split(/[,;]/)) {
      const [, value = ''] = /^\s*by=(.*?)\s*$/i.exec(pair) ?? [];
      if (value.replace(/^"(.*)"$/, '$1').toLowerCase() === own) return true;
    }
  }
  return false;
}
