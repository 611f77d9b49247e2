/**
 * Who a connection is for, by how it came: by the port of a service, on purpose to one of our own
 * listeners, or because the rules of the system sent it here (`core/io/original-destination.ts`).
 * What must not be served, or would come back to ourselves, is closed here.
 */

import type { Socket as NetSocket } from 'node:net';
import type { ListenerName } from '../../api/messages.ts';
import type { Address, ProxySettings } from '../../api/settings.ts';
import type { TargetKind } from '../../api/snapshot.ts';
import { formatAddress } from '../discover/address-text.ts';
import { plainHost } from '../io/ip-text.ts';
import {
  localAddressOf,
  originalDestinationBy,
  type ReadOriginalDestination,
} from '../io/original-destination.ts';
import type { Core } from './core.ts';
import type { ArrivalRefusal } from './counters.ts';
import type { DirectionStack } from './direction-stack.ts';
import { isOwnPort } from './own-listeners.ts';
import { recordRefused } from './record-closed.ts';
import type { Targets } from './targets.ts';

export class Arrivals {
  readonly #core: Core;
  readonly #inbound: DirectionStack;
  readonly #outbound: DirectionStack;
  readonly #targets: Targets;
  readonly #inboundIps: ReadonlySet<string>;
  readonly #readInbound: ReadOriginalDestination;
  readonly #readOutbound: ReadOriginalDestination;

  constructor(core: Core, inbound: DirectionStack, outbound: DirectionStack, targets: Targets) {
    const { originalDestination, inboundIps } = core.settings;
    this.#core = core;
    this.#inbound = inbound;
    this.#outbound = outbound;
    this.#targets = targets;
    this.#inboundIps = new Set(inboundIps);
    this.#readInbound = originalDestinationBy(originalDestination);
    // TPROXY is for what comes from outside: what the application sends is redirected.
    this.#readOutbound = originalDestinationBy(originalDestination === 'off' ? 'off' : 'redirect');
  }

  adopt(listener: ListenerName, socket: NetSocket): void {
    if (listener === 'inbound') this.#adoptInbound(socket);
    else if (listener === 'outbound' || listener === 'outbound-second') this.#adoptOutbound(socket);
    else this.#fix(socket, this.#outbound, 'bind', bindAuthority(this.#core.settings, listener));
  }

  #adoptInbound(socket: NetSocket): void {
    const { settings } = this.#core;
    if (settings.originalDestination === 'off' || settings.inboundTo !== null) {
      this.#fix(socket, this.#inbound, 'inbound', '');
      return;
    }
    const meant = this.#readInbound(socket) ?? localAddressOf(socket);
    if (meant === null) {
      socket.destroy();
    } else if (this.#inboundIps.size > 0 && !this.#inboundIps.has(meant.host)) {
      this.#refuse(socket, this.#inbound, meant, 'not_inbound_ip');
    } else if (meant.port === settings.inbound?.port) {
      this.#inbound.adoptDirect(socket, meant.host);
    } else if (isOwnPort(settings, meant.port)) {
      this.#refuse(socket, this.#inbound, meant, 'loop');
    } else {
      this.#fix(socket, this.#inbound, 'inbound', formatAddress(meant));
    }
  }

  /** Whoever dials our own port says by each request, or by CONNECT, where it goes. */
  #adoptOutbound(socket: NetSocket): void {
    const { settings, isOwnListener } = this.#core;
    const meant = this.#readOutbound(socket);
    if (meant === null || isOwnOutbound(settings, meant)) {
      this.#outbound.adopt(socket, null);
    } else if (isOwnListener(meant.host, meant.port) && meant.port !== settings.admin?.port) {
      this.#refuse(socket, this.#outbound, meant, 'loop');
    } else {
      this.#fix(socket, this.#outbound, 'addr', formatAddress(meant));
    }
  }

  #fix(socket: NetSocket, stack: DirectionStack, kind: TargetKind, value: string): void {
    const target = this.#targets.find(kind, value);
    if (target === null) this.#refuse(socket, stack, value, 'too_many_targets');
    else stack.adopt(socket, target);
  }

  #refuse(
    socket: NetSocket,
    stack: DirectionStack,
    meant: Address | string,
    reason: keyof typeof explanations,
  ): void {
    stack.counters.arrivalRefused(reason);
    const { remoteAddress = '', remotePort = 0 } = socket;
    const client = { remoteHost: plainHost(remoteAddress), remotePort };
    const kind = stack.direction.name === 'inbound' ? 'inbound' : 'addr';
    const key = `${kind}:${typeof meant === 'string' ? meant : formatAddress(meant)}`;
    recordRefused(stack.direction.plain, client, { key }, explanations[reason]);
    socket.resetAndDestroy();
  }
}

function isOwnOutbound(settings: ProxySettings, meant: Address): boolean {
  return [settings.outbound, settings.outboundSecond].some(
    (listener) => listener?.port === meant.port && plainHost(listener.host) === meant.host,
  );
}

function bindAuthority(settings: ProxySettings, listener: `bind:${number}`): string {
  return settings.binds[Number(listener.slice('bind:'.length))].authority;
}

const explanations = {
  not_inbound_ip: 'it was going to an address that is not ours (inboundIps)',
  loop: 'it was going to a port of this proxy',
  too_many_targets: 'too many services are in use (targetsMax)',
} as const satisfies Partial<Record<ArrivalRefusal, string>>;
