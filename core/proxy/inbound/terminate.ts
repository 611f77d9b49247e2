/**
 * One inbound connection whose ClientHello names this proxy, until both sides have proved who they
 * are. What comes inside of TLS is either detected as on any connection, or begins with a transport
 * header (`direct.ts`), which a client without an identity may not send. Without a certificate of
 * our own the connection is closed: there is no way to speak plaintext instead.
 */

import type { SecureContext } from 'node:tls';
import type { ErrorCode } from '../../base/errors.ts';
import type { ServerConnection } from '../../http/server-context.ts';
import type { Socket } from '../../io/socket.ts';
import type { TlsContexts } from '../../tls/contexts.ts';
import {
  Handshake,
  type HandshakeFailure,
  type HandshakeOwner,
  type Peer,
} from '../../tls/handshake.ts';
import { transportProtocol } from '../../tls/transport-header.ts';
import type { ClientGroup } from '../client-group.ts';
import type { ClientGroups } from '../client-groups.ts';
import type { Counters } from '../counters.ts';
import { recordClosed, recordRefused } from '../record-closed.ts';
import type { Target } from '../target.ts';
import { Direct, type LocalTargets } from './direct.ts';

/** What all connections are terminated with. */
export interface TerminateContext extends LocalTargets {
  /** As whose a connection counts before its client has proved anything. */
  readonly plain: ClientGroup;
  readonly groups: ClientGroups;
  readonly counters: Counters;
  /** What the connection speaks is found out from here on. */
  detect(clients: ClientGroup, socket: Socket, target: Target): void;
}

export class Terminate implements HandshakeOwner, ServerConnection {
  readonly #context: TerminateContext;
  readonly #socket: Socket;
  /** Null when the transport header is to say which. */
  readonly #target: Target | null;
  readonly #localHost: string;
  /** As of the trust anchors that the client is verified by. */
  readonly #distrusts: number;
  #handshake: Handshake | null = null;
  #over = false;

  /**
   * `first` are bytes that were read from the socket already: they begin with the ClientHello.
   * `localHost` is the address of ours that was dialled, where there is no target yet.
   */
  constructor(
    context: TerminateContext,
    socket: Socket,
    target: Target | null,
    localHost: string,
    first: Buffer,
  ) {
    this.#context = context;
    this.#socket = socket;
    this.#target = target;
    this.#localHost = localHost;
    const { core } = context.plain.direction;
    this.#distrusts = core.tls.distrusts;
    context.plain.opened(this);
    if (target !== null) target.holders += 1;
    const secure = findContext(core.tls);
    if (typeof secure === 'string') {
      socket.destroy();
      this.handshakeFailed('NOT_CERTIFIED', secure, 'not_certified');
      return;
    }
    this.#handshake = new Handshake(
      { io: core.io, timers: core.timers, handshakeTimeoutMs: core.settings.detectTimeoutMs },
      socket,
      { kind: 'server', context: secure, protocol: transportProtocol, first },
      this,
    );
  }

  /** It is bounded in time. */
  closeIdle(): void {}

  closeForced(): void {
    this.#handshake?.abort();
    this.#end();
  }

  secured(socket: Socket, peer: Peer): void {
    const context = this.#context;
    const { groups, plain } = context;
    if (plain.direction.core.tls.distrusts !== this.#distrusts) {
      socket.destroy();
      this.handshakeFailed('TLS_FAILED', anchorLeft, 'certificate');
      return;
    }
    const target = this.#target;
    const clients = groups.identified(peer.name);
    socket.meter = clients.cells;
    this.#leave();
    clients.accepted();
    if (peer.protocol) new Direct(context, clients, socket, target, this.#localHost);
    else if (target !== null) context.detect(clients, socket, target);
    else this.#refuse(clients, socket);
  }

  handshakeFailed(code: ErrorCode, detail: string, failure: HandshakeFailure): void {
    const { counters, plain } = this.#context;
    counters.handshakeFailed(failure);
    counters.tcpError(code);
    recordClosed(plain, this.#socket, this.#target, detail, { code });
    this.#end();
  }

  #refuse(clients: ClientGroup, socket: Socket): void {
    this.#context.counters.directRefused('not_asked');
    recordRefused(clients, socket, null, headerMissing, { identity: clients.name });
    clients.ended();
    socket.destroy();
  }

  #end(): void {
    if (this.#over) return;
    this.#leave();
    const { plain } = this.#context;
    plain.accepted();
    plain.ended();
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#target !== null) this.#target.holders -= 1;
    this.#context.plain.closed(this);
  }
}

/** Or why there is none. */
function findContext(tls: TlsContexts): SecureContext | string {
  try {
    return tls.server ?? notCertified;
  } catch (error) {
    return `the certificate of this proxy is of no use: ${(error as Error).message}`;
  }
}

const notCertified = 'this proxy has no certificate yet; see /ready and heddle check';
const headerMissing = 'on the inbound port itself TLS has to carry a transport header';
const anchorLeft = 'a trust anchor left in the middle of the handshake';
