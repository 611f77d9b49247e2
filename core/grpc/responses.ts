/** What comes back for the calls of clients, led to the call that each exchange is for. */

import type { ProxyError } from '../base/errors.ts';
import type { ClientConnection, Exchange, ExchangeClient } from '../http/exchange.ts';
import type { Head } from '../http/head.ts';
import { Layer } from '../stack/layer.ts';
import type { Call } from './client-call.ts';

/** The last layer of a connection, and the client of all exchanges on it. */
export class Responses extends Layer<Exchange> implements ExchangeClient {
  readonly connection: ClientConnection = {
    identity: null,
    peer: '',
    fixedTarget: null,
    grant: null,
  };

  override informational(): void {}

  override response(x: Exchange): void {
    this.respond(x);
  }

  override fail(x: Exchange, error: ProxyError): void {
    callOf(x).onFail(x, error);
  }

  override end(x: Exchange): void {
    callOf(x).onEnd(x);
  }

  respond(x: Exchange): void {
    if (x.response !== null) callOf(x).onHead(x, x.response);
  }

  data(x: Exchange, bytes: Buffer, start: number, end: number): void {
    callOf(x).onData(bytes, start, end);
  }

  trailers(x: Exchange, fields: Head): void {
    callOf(x).onTrailers(fields);
  }

  pauseRequest(x: Exchange): void {
    callOf(x).pause();
  }

  resumeRequest(x: Exchange): void {
    callOf(x).resume();
  }

  abort(): never {
    throw new Error('a connection tells its last layer');
  }

  establish(): never {
    throw new Error('a call is no tunnel');
  }

  detach(): never {
    throw new Error('a call is no tunnel');
  }
}

function callOf(x: Exchange): Call {
  return x.target as Call;
}
