/** The outermost layer: from here responses go to the connection that the request came by. */

import type { ProxyError } from '../base/errors.ts';
import type { Exchange } from '../http/exchange.ts';
import type { H1Server } from '../http/h1/server.ts';
import { Method } from '../http/head.ts';
import { Layer } from '../stack/layer.ts';

/** Takes over a connection whose exchange turned it into a tunnel. */
export interface TunnelTaker {
  /** After 101: `upstream` and both sides' bytes behind the exchange are joined. */
  upgraded(x: Exchange, server: H1Server): void;
  /** After CONNECT: what is inside is detected anew, for the exchange's target. */
  connected(x: Exchange, server: H1Server): void;
}

export class Edge extends Layer<Exchange> {
  readonly #tunnels: TunnelTaker;

  constructor(tunnels: TunnelTaker) {
    super();
    this.#tunnels = tunnels;
  }

  override informational(x: Exchange): void {
    serverOf(x).informational(x);
  }

  override response(x: Exchange): void {
    serverOf(x).respond(x);
  }

  override end(x: Exchange): void {
    const server = serverOf(x);
    if (x.status === 101) this.#tunnels.upgraded(x, server);
    else if (x.request.method === Method.CONNECT && x.status === 200) {
      this.#tunnels.connected(x, server);
    } else {
      server.end(x);
    }
  }

  override fail(x: Exchange, _error: ProxyError): void {
    serverOf(x).abort(x);
  }
}

/** Every client connection is an HTTP/1.1 server connection so far. */
function serverOf(x: Exchange): H1Server {
  return x.client as H1Server;
}
