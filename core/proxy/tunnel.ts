/** Two connections that have become one stream of bytes, as the proxy's directions count it. */

import type { DeadlineHolder } from '../base/deadlines.ts';
import { bodyIdleTimeoutMs, distrustedConnectionMs } from '../base/limits.ts';
import { Timer } from '../base/timers.ts';
import type { ServerConnection } from '../http/server-context.ts';
import type { Conduit, TunnelSide } from '../io/conduit.ts';
import { Splice } from '../io/splice.ts';
import type { Admission } from './admission.ts';
import type { ClientGroup } from './client-group.ts';
import { recordDistrusted } from './distrusted.ts';
import type { Endpoint } from './endpoint.ts';
import { acceptSpans, clientAddress } from './log-spans.ts';
import { recordEnded } from './record-closed.ts';

/** The side that asked for it; `admission` is null where no policy says who may. */
interface ClientSide extends TunnelSide {
  readonly admission: Admission | null;
}

export class Tunnel implements ServerConnection, DeadlineHolder {
  deadlineMs = Number.POSITIVE_INFINITY;
  prevHolder: DeadlineHolder | null = null;
  nextHolder: DeadlineHolder | null = null;

  readonly #clients: ClientGroup;
  readonly #endpoint: Endpoint;
  readonly #client: Conduit;
  readonly #server: Conduit;
  readonly #admission: Admission | null;
  #splice: Splice | null = null;
  #waitingBytes = 0;
  #progressMs = 0;
  #gone = false;
  /** As of the trust anchors that the endpoint is verified by. */
  readonly #distrusts: number;
  /** Armed when a trust anchor has left that may have proved one of the two. */
  #distrustTimer: Timer | null = null;

  /** `distrusts`: of the transport, when the connection to the endpoint came about. */
  constructor(
    clients: ClientGroup,
    endpoint: Endpoint,
    client: ClientSide,
    server: TunnelSide,
    distrusts: number,
  ) {
    this.#distrusts = distrusts;
    this.#clients = clients;
    this.#endpoint = endpoint;
    this.#client = client.conduit;
    this.#admission = client.admission;
    this.#server = server.conduit;
    clients.opened(this);
    endpoint.start();
    endpoint.opened();
    const { io } = clients.direction.core;
    io.enter();
    if (client.first.length > 0) server.conduit.write(client.first, 0, client.first.length);
    if (server.first.length > 0) client.conduit.write(server.first, 0, server.first.length);
    this.#splice = new Splice(io, client.conduit, server.conduit, () => this.#ended());
    io.leave();
    this.distrust();
    // The policy may have changed while the endpoint was dialled.
    this.reauthorize();
  }

  reauthorize(): void {
    if (this.#gone || this.#admission?.holds() !== false) return;
    const { io } = this.#clients.direction.core;
    io.enter();
    this.closeForced();
    io.leave();
  }

  /** Each ends at its own moment in the last tenth of the time that all have. */
  distrust(): void {
    const { core } = this.#clients.direction;
    const isTrusted =
      !this.#clients.distrusted && this.#distrusts === this.#endpoint.transport.distrusts;
    if (isTrusted || this.#gone || this.#distrustTimer !== null) return;
    this.#distrustTimer = new Timer({ onTimer: () => this.#endDistrusted() });
    const lastMs = distrustedConnectionMs * (0.9 + core.random.float() / 10);
    core.timers.arm(this.#distrustTimer, core.tls.distrustedMs + lastMs - core.io.nowMs);
  }

  /** Nobody knows when a tunnel is idle: it lasts until a side ends it or the drain forces it. */
  closeIdle(): void {}

  closeForced(): void {
    this.#splice?.reset();
    this.#giveUp();
  }

  #endDistrusted(): void {
    const { core, name } = this.#clients.direction;
    const peer = this.#clients.distrusted ? 'src' : 'dst';
    recordDistrusted(
      core,
      { direction: name, peer, carried: 'opaque' },
      { endpoint: this.#endpoint.address, client: this.#clients.name },
      acceptSpans(this.#clients, clientAddress(this.#client)),
    );
    core.io.enter();
    this.closeForced();
    core.io.leave();
  }

  /** Both sides have sent their last byte; one of them may not have read all of the other's. */
  onDeadline(): void {
    const { nowMs } = this.#clients.direction.core.io;
    const before = this.#waitingBytes;
    this.#waitingBytes = this.#client.waitingBytes + this.#server.waitingBytes;
    if (this.#waitingBytes !== before) this.#progressMs = nowMs;
    if (this.#client.destroyed && this.#server.destroyed) this.#close();
    else if (nowMs - this.#progressMs > bodyIdleTimeoutMs) this.#giveUp();
    else this.deadlineMs = nowMs + lingerPollMs;
  }

  #ended(): void {
    this.#endpoint.finish();
    if (this.#client.destroyed && this.#server.destroyed) {
      this.#close();
      return;
    }
    const { io, deadlines } = this.#clients.direction.core;
    this.#progressMs = io.nowMs;
    this.deadlineMs = io.nowMs + lingerPollMs;
    deadlines.add(this);
  }

  #giveUp(): void {
    this.#client.reset();
    this.#server.reset();
    this.#close();
  }

  #close(): void {
    if (this.#gone) return;
    this.#gone = true;
    const { deadlines, timers } = this.#clients.direction.core;
    deadlines.remove(this);
    if (this.#distrustTimer !== null) timers.cancel(this.#distrustTimer);
    this.#endpoint.closed();
    this.#clients.closed(this);
    this.#clients.ended();
    recordEnded(this.#clients, this.#client);
  }
}

const lingerPollMs = 100;
