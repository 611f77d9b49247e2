/**
 * All connections of one thread to one endpoint, by the version that they speak. The request's own
 * version is kept unless what the endpoint speaks is declared.
 */

import type { Address } from '../../api/settings.ts';
import type { Exchange } from '../http/exchange.ts';
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
  readonly #h1: H1Pool;
  readonly #h2: H2Pool;

  constructor(context: PoolContext, address: Address, meter: Meter, events: PoolEvents) {
    this.#h1 = new H1Pool(context.h1, address, meter, events);
    this.#h2 = new H2Pool(context.h2, address, meter, events);
  }

  /** Connections, established or being established. */
  get connections(): number {
    return this.#h1.connections + this.#h2.connections;
  }

  /** No connection is being established or carries an exchange. */
  get quiet(): boolean {
    return this.#h1.quiet && this.#h2.quiet;
  }

  request(x: Exchange, version: UpstreamVersion): void {
    const asHttp2 = version === 'kept' ? x.request.major === 2 : version === 'http2';
    if (asHttp2) this.#h2.request(x);
    else this.#h1.request(x);
  }

  /** Lets go of a request that waits here or is on its way. */
  cancel(x: Exchange): void {
    if (this.#h1.cancel(x) || this.#h2.cancel(x)) return;
    if (x.upstream !== null) x.upstream.cancel(x);
  }

  /** Takes over a connection that was dialled before it was known to be for HTTP. */
  adopt(socket: Socket, asHttp2: boolean): void {
    if (asHttp2) this.#h2.adopt(socket);
    else this.#h1.adopt(socket);
  }

  /** Ends what is idle, and everything else when its exchange has ended. */
  retire(): void {
    this.#h1.retire();
    this.#h2.retire();
  }
}
