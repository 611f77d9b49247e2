/**
 * Endpoint metrics and the balancer's load: one start and one finish for each attempt, the time to
 * the response head as the sample, the outcome counted where it is known.
 */

import type { ProxyError } from '../base/errors.ts';
import type { ClientIdentity, Exchange } from '../http/exchange.ts';
import { Layer } from '../stack/layer.ts';
import type { Core } from './core.ts';
import type { Endpoint } from './endpoint.ts';
import type { Target } from './target.ts';

export class CountRequests extends Layer<Exchange> {
  readonly #core: Core;

  constructor(core: Core) {
    super();
    this.#core = core;
  }

  override request(x: Exchange): void {
    const endpoint = x.endpoint as Endpoint;
    endpoint.start();
    endpoint.requestsOf(identityOf(x)).countRequest();
    x.attemptMs = this.#core.io.nowMs;
    this.next.request(x);
  }

  override response(x: Exchange): void {
    const { slots } = this.#core;
    const { slot } = x.endpoint as Endpoint;
    slots.observe(slot, x.respondedMs - x.attemptMs, slots.timeOf(x.respondedMs));
    if (slots.failures(slot) !== 0) slots.connectSucceeded(slot);
    this.prev.response(x);
  }

  override end(x: Exchange): void {
    const endpoint = x.endpoint as Endpoint;
    endpoint.finish();
    const latencyMs = this.#core.io.nowMs - x.attemptMs;
    endpoint.requestsOf(identityOf(x)).countResponse(x.status, x.grpcStatus, latencyMs);
    this.prev.end(x);
  }

  override fail(x: Exchange, error: ProxyError): void {
    const endpoint = x.endpoint as Endpoint;
    endpoint.finish();
    if (error.code === 'RESPONSE_TIMEOUT' || error.code === 'DEADLINE_EXCEEDED') {
      this.#observeWait(x, endpoint);
    }
    endpoint.requestsOf(identityOf(x)).countFailure(error.code);
    this.prev.fail(x, error);
  }

  override cancel(x: Exchange): void {
    const endpoint = x.endpoint as Endpoint;
    endpoint.finish();
    this.#observeWait(x, endpoint);
    this.#core.slots.releasePermit(endpoint.slot);
    endpoint.requestsOf(identityOf(x)).countFailure('CLIENT_GONE');
    this.next.cancel(x);
  }

  /** An endpoint that lets its callers wait in vain is slow, not fast. */
  #observeWait(x: Exchange, { slot }: Endpoint): void {
    if (x.responseStarted) return;
    const { io, slots } = this.#core;
    slots.observe(slot, io.nowMs - x.attemptMs, slots.timeOf(io.nowMs));
  }
}

function identityOf(x: Exchange): ClientIdentity | null {
  return x.client === null ? null : x.client.connection.identity;
}

/** The last layer: hands the request to a connection of its endpoint. */
export class Dispatch extends Layer<Exchange> {
  override request(x: Exchange): void {
    (x.endpoint as Endpoint).send(x, (x.target as Target).version);
  }

  override cancel(x: Exchange): void {
    (x.endpoint as Endpoint).pools.cancel(x);
  }
}
