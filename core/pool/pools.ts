/**
 * All connections of one thread to one endpoint, by the version that they speak. The request's own
 * version is kept unless what the endpoint speaks is declared.
 */

import type { Exchange } from '../http/exchange.ts';
import type { DialOwner } from '../io/dial.ts';
import type { Socket } from '../io/socket.ts';
import type { Dialling } from '../tls/secure-dial.ts';
import type { Transport } from '../tls/transport.ts';
import { H1Pool, type H1PoolContext } from './h1-pool.ts';
import { H2Pool, type H2PoolContext } from './h2-pool.ts';
import type { PoolEvents } from './pool-events.ts';

export interface PoolContext {
  readonly h1: H1PoolContext;
  readonly h2: H2PoolContext;
}

/** `kept`: as the request came. */
export type UpstreamVersion = 'kept' | 'http1' | 'http2';

export class Pools {
  readonly #context: PoolContext;
  readonly #address: string;
  readonly #transport: Transport;
  readonly #events: PoolEvents;
  /** Made when first needed: most endpoints are spoken to in one version. */
  #h1: H1Pool | null = null;
  #h2: H2Pool | null = null;

  constructor(context: PoolContext, address: string, transport: Transport, events: PoolEvents) {
    this.#context = context;
    this.#address = address;
    this.#transport = transport;
    this.#events = events;
  }

  /** Connections, established or being established. */
  get connections(): number {
    return (this.#h1?.connections ?? 0) + (this.#h2?.connections ?? 0);
  }

  /** No connection is being established or carries an exchange. */
  get quiet(): boolean {
    return (this.#h1?.quiet ?? true) && (this.#h2?.quiet ?? true);
  }

  request(x: Exchange, version: UpstreamVersion): void {
    this.#pool(version, x.request.major === 2).request(x);
  }

  /** Lets go of a request that waits here or is on its way. */
  cancel(x: Exchange): void {
    if (this.#h1?.cancel(x) || this.#h2?.cancel(x)) return;
    if (x.upstream !== null) x.upstream.cancel(x);
  }

  /** A connection that nobody but `owner` knows of; nothing is said of what it carries. */
  dial(owner: DialOwner): Dialling {
    return this.#transport.dial(owner, null);
  }

  /**
   * Takes over a connection that was dialled before it was known to be for a client of HTTP.
   * False when it is of no use for that: the endpoint's proxy was told not to look at its bytes.
   */
  adopt(socket: Socket, version: UpstreamVersion, clientHttp2: boolean): boolean {
    if (this.#transport.traits.header !== null) return false;
    this.#pool(version, clientHttp2).adopt(socket);
    return true;
  }

  /** Replaces what was verified by a trust anchor that has perhaps left; now and then called. */
  renew(): void {
    this.#h1?.renew();
    this.#h2?.renew();
  }

  /** Ends what is idle; how many connections that were. */
  closeIdle(): number {
    return (this.#h1?.closeIdle() ?? 0) + (this.#h2?.closeIdle() ?? 0);
  }

  /** Ends what is idle, and everything else when its exchange has ended. */
  retire(): void {
    this.#h1?.retire();
    this.#h2?.retire();
  }

  #pool(version: UpstreamVersion, clientHttp2: boolean): H1Pool | H2Pool {
    if (version === 'kept' ? clientHttp2 : version === 'http2') {
      this.#h2 ??= new H2Pool(this.#context.h2, this.#address, this.#transport, this.#events);
      return this.#h2;
    }
    this.#h1 ??= new H1Pool(this.#context.h1, this.#address, this.#transport, this.#events);
    return this.#h1;
  }
}
