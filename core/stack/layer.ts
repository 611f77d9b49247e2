/**
 * A layer wraps a service: requests pass it on the way in, responses on the way back. A layer
 * overrides the events that it cares about and inherits pass-through for the others. Body bytes
 * go past the layers, from connection to connection.
 *
 * Every request gets exactly one `end` or `fail`; `response` comes before `end` only. After
 * `cancel` nothing comes back any more.
 */

import type { ProxyError } from '../base/errors.ts';

export abstract class Layer<X> {
  /** Toward the endpoint. */
  next: Layer<X> = missing as Layer<X>;
  /** Toward the client. */
  prev: Layer<X> = missing as Layer<X>;

  /** A request, with its head. */
  request(x: X): void {
    this.next.request(x);
  }

  /** The client went away; whoever holds the request lets go of it. */
  cancel(x: X): void {
    this.next.cancel(x);
  }

  /** A response head below 200. */
  informational(x: X): void {
    this.prev.informational(x);
  }

  /** The final response head. */
  response(x: X): void {
    this.prev.response(x);
  }

  /** The response is complete. */
  end(x: X): void {
    this.prev.end(x);
  }

  /** There will be no response, or the one that has begun cannot be completed. */
  fail(x: X, error: ProxyError): void {
    this.prev.fail(x, error);
  }
}

/** Links `layers`, written in request order, and returns the first. */
export function compose<X>(layers: readonly Layer<X>[]): Layer<X> {
  for (let index = 1; index < layers.length; index++) {
    layers[index - 1].next = layers[index];
    layers[index].prev = layers[index - 1];
  }
  return layers[0];
}

/** Stands where nothing was linked, so that a gap is found at its first use. */
const missing = new Proxy(
  {},
  {
    get(_target, name) {
      throw new Error(`a layer is not linked: ${String(name)} has nowhere to go`);
    },
  },
);
