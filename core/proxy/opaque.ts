/**
 * Carries a connection whose bytes are not parsed: chooses an endpoint, dials it, and joins the
 * two. An endpoint that cannot be reached is passed over for another, a few times; while none is
 * ready the client waits as long as a request would.
 */

import type { ErrorCode } from '../base/errors.ts';
import { Timer, type TimerOwner } from '../base/timers.ts';
import type { ServerConnection } from '../http/server-context.ts';
import type { TunnelSide } from '../io/conduit.ts';
import type { DialOwner } from '../io/dial.ts';
import type { Socket } from '../io/socket.ts';
import type { SocketOwner } from '../io/socket-owner.ts';
import type { Dialling } from '../tls/secure-dial.ts';
import { type Admission, admissionOf } from './admission.ts';
import type { ClientGroup } from './client-group.ts';
import type { Counters } from './counters.ts';
import type { EarlyDial } from './early-dial.ts';
import type { Endpoint } from './endpoint.ts';
import { endpointSpans, serviceSpans } from './log-spans.ts';
import { explainCode, recordClosed, recordEnded } from './record-closed.ts';
import { asLinkerdSays } from './record-failed.ts';
import { recordFailfast } from './record-failfast.ts';
import type { Target } from './target.ts';
import { Tunnel } from './tunnel.ts';

export class Opaque implements SocketOwner, DialOwner, TimerOwner, ServerConnection {
  readonly #clients: ClientGroup;
  readonly #counters: Counters;
  readonly #client: TunnelSide;
  readonly #target: Target;
  readonly #admission: Admission | null;
  readonly #pollTimer = new Timer(this);
  readonly #startMs: number;
  #endpoint: Endpoint | null = null;
  #dialling: Dialling | null = null;
  #attempts = 0;
  #distrusts = 0;
  #over = false;

  /**
   * `early`: a connection to one of the endpoints, which has come about already. `admission`:
   * where it is not judged by the policy of its target.
   */
  constructor(
    clients: ClientGroup,
    counters: Counters,
    client: TunnelSide,
    target: Target,
    early: EarlyDial | null = null,
    admission = admissionOf(clients, client.conduit, target),
  ) {
    this.#clients = clients;
    this.#counters = counters;
    this.#client = client;
    this.#target = target;
    this.#admission = admission;
    this.#startMs = clients.direction.core.io.nowMs;
    target.holders += 1;
    client.conduit.owner = this;
    client.conduit.pause();
    clients.opened(this);
    const refusal = this.#refusal();
    if (refusal === '' && early !== null) {
      this.#join(early.endpoint, early.take(), early.distrusts);
    } else if (refusal === '') {
      this.#dial();
    } else {
      early?.abort();
      this.#fail(refusal);
    }
  }

  closeIdle(): void {}

  closeForced(): void {
    this.#fail('DRAINING');
  }

  dialled(socket: Socket): void {
    const endpoint = this.#endpoint as Endpoint;
    this.#clients.direction.core.slots.connectSucceeded(endpoint.slot);
    this.#join(endpoint, { conduit: socket, first: nothing }, this.#distrusts);
  }

  dialFailed(code: ErrorCode, detail: string): void {
    this.#dialling = null;
    const again = (this.#endpoint as Endpoint).connectFailed(code, detail);
    const isOther = this.#target.endpoints.length > 1;
    if (this.#attempts < attemptsMax && (again || isOther)) this.#dial();
    else this.#fail(code);
  }

  /** Time to look for an endpoint again. */
  onTimer(): void {
    const { io } = this.#clients.direction.core;
    io.enter();
    this.#dial();
    io.leave();
  }

  onBytes(): void {}

  onEnd(): void {}

  onCongested(): void {}

  onDrain(): void {}

  onClose(): void {
    if (!this.#over) recordEnded(this.#clients, this.#client.conduit);
    this.#abort();
    this.#end();
  }

  #refusal(): '' | ErrorCode {
    if (this.#target.refusal !== '') return 'POLICY_UNSUPPORTED';
    return this.#admission?.admits() === false ? 'UNAUTHORIZED' : '';
  }

  #join(endpoint: Endpoint, server: TunnelSide, distrusts: number): void {
    this.#leave();
    const { conduit, first } = this.#client;
    const client = { conduit, first, admission: this.#admission };
    new Tunnel(this.#clients, endpoint, client, server, distrusts);
  }

  #dial(): void {
    const { core } = this.#clients.direction;
    const { settings, timers, io } = core;
    const endpoint = this.#target.pick(this.#endpoint);
    if (endpoint === null) {
      const waitedMs = io.nowMs - this.#startMs;
      const { failfastTimeoutMs, opaqueFailfastTimeoutMs: ownMs } = settings;
      if (this.#target.endpoints.length === 0) this.#fail(this.#target.emptyCode);
      else if (waitedMs >= (ownMs === 0 ? failfastTimeoutMs : ownMs)) this.#waitedTooLong(waitedMs);
      else timers.arm(this.#pollTimer, pollMs);
      return;
    }
    this.#endpoint = endpoint;
    this.#attempts += 1;
    if (endpoint.refusal !== '') {
      this.#refuse(endpoint);
      return;
    }
    this.#distrusts = endpoint.transport.distrusts;
    this.#dialling = endpoint.pools.dial(this);
  }

  /** Another endpoint may be who it has to be. */
  #refuse(endpoint: Endpoint): void {
    const { core } = this.#clients.direction;
    core.slots.releasePermit(endpoint.slot);
    const fields = { endpoint: endpoint.address, reason: endpoint.refusal };
    const spans = endpointSpans(core.settings, this.#target, endpoint.address);
    core.log.info('heddle::proxy', 'Endpoint refused', fields, spans);
    const isOther = this.#target.endpoints.length > 1;
    if (this.#attempts < attemptsMax && isOther) this.#dial();
    else this.#fail('IDENTITY_MISMATCH');
  }

  #waitedTooLong(waitedMs: number): void {
    const { log, settings } = this.#clients.direction.core;
    const target = this.#target;
    recordFailfast(log, target.authority, waitedMs, serviceSpans(settings, target));
    this.#fail('FAILFAST');
  }

  #fail(code: ErrorCode): void {
    if (this.#over) return;
    this.#abort();
    this.#counters.tcpError(code);
    const target = this.#target;
    const detail = code === 'POLICY_UNSUPPORTED' ? target.refusal : target.authority;
    const error = asLinkerdSays(code, explainCode(code, detail));
    recordClosed(this.#clients, this.#client.conduit, target, error, { code });
    this.#client.conduit.reset();
    this.#end();
  }

  #abort(): void {
    if (this.#dialling === null || this.#endpoint === null) return;
    this.#dialling.abort();
    this.#dialling = null;
    this.#clients.direction.core.slots.releasePermit(this.#endpoint.slot);
  }

  #end(): void {
    this.#leave();
    this.#clients.ended();
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#clients.direction.core.timers.cancel(this.#pollTimer);
    this.#target.holders -= 1;
    this.#clients.closed(this);
  }
}

const attemptsMax = 3;
const pollMs = 50;
const nothing = Buffer.alloc(0);
