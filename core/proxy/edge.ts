/** The outermost layer: from here responses go to the client that the request came from. */

import type { ProxyError } from '../base/errors.ts';
import type { Exchange, ExchangeClient } from '../http/exchange.ts';
import { Method } from '../http/head.ts';
import { Layer } from '../stack/layer.ts';

/** Takes over a connection whose exchange turned it into a tunnel. */
export interface TunnelTaker {
  /** After 101: `upstream` and both sides' bytes behind the exchange are joined. */
  upgraded(x: Exchange): void;
  /** After CONNECT: what is inside is detected anew, for the exchange's target. */
  connected(x: Exchange): void;
}

export class Edge extends Layer<Exchange> {
  readonly #tunnels: TunnelTaker;

  constructor(tunnels: TunnelTaker) {
    super();
    this.#tunnels = tunnels;
  }

  override informational(x: Exchange): void {
    clientOf(x).informational(x);
  }

  override response(x: Exchange): void {
    clientOf(x).respond(x);
  }

  override end(x: Exchange): void {
    if (x.status === 101) this.#tunnels.upgraded(x);
    else if (x.request.method === Method.CONNECT && x.status === 200) this.#tunnels.connected(x);
    else clientOf(x).end(x);
  }

  override fail(x: Exchange, _error: ProxyError): void {
    clientOf(x).abort(x);
  }
}

/** It stays until `end` or `abort`. */
function clientOf(x: Exchange): ExchangeClient {
  return x.client as ExchangeClient;
}
