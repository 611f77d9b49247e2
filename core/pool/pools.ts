/**
 * All connections of one thread to one endpoint, by the version that they speak. The request's own
 * version is kept unless what the endpoint speaks is declared.
 */

import type { Address } from '../../api/settings.ts';
import type { Exchange } from '../http/exchange.ts';
import { Dial, type DialOwner } from '../io/dial.ts';
import type { Meter, Socket } from '../io/socket.ts';
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
  readonly #endpoint: Address;
  readonly #meter: Meter;
  readonly #events: PoolEvents;
  /** Made when first needed: most endpoints are spoken to in one version. */
  #h1: H1Pool | null = null;
  #h2: H2Pool | null = null;

  constructor(context: PoolContext, endpoint: Address, meter: Meter, events: PoolEvents) {
    this.#context = context;
    this.#endpoint = endpoint;
    this.#meter = meter;
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

  /** A connection that nobody but `owner` knows of; it may be adopted when it is there. */
  dial(owner: DialOwner): Dial {
    return new Dial(this.#context.h1, owner, this.#endpoint, this.#meter);
  }

  /** Takes over a connection that was dialled before it was known to be for a client of HTTP. */
  adopt(socket: Socket, version: UpstreamVersion, clientHttp2: boolean): void {
    this.#pool(version, clientHttp2).adopt(socket);
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
      this.#h2 ??= new H2Pool(this.#context.h2, this.#endpoint, this.#meter, this.#events);
      return this.#h2;
    }
    this.#h1 ??= new H1Pool(this.#context.h1, this.#endpoint, this.#meter, this.#events);
    return this.#h1;
  }
}
