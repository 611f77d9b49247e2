/**
 * Sends a request once more where that is safe: its method is idempotent or the endpoint has
 * provably not processed it, no byte of a response has gone to the client, and the request is
 * still whole. Outside the balancer, so that the next attempt may take another endpoint. Retries
 * on response status are policy and not decided here.
 */

import { errorTraits, type ProxyError } from '../base/errors.ts';
import type { Exchange } from '../http/exchange.ts';
import { Method } from '../http/head.ts';
import { Layer } from '../stack/layer.ts';

export class Retry extends Layer<Exchange> {
  readonly #attemptsMax: number;
  readonly #count: (sentAgain: boolean) => void;

  /** `count` is told of every attempt that failed before a response: whether another followed. */
  constructor(attemptsMax: number, count: (sentAgain: boolean) => void) {
    super();
    this.#attemptsMax = attemptsMax;
    this.#count = count;
  }

  override request(x: Exchange): void {
    x.attempts = 1;
    this.next.request(x);
  }

  override fail(x: Exchange, error: ProxyError): void {
    if (x.endpoint === null || x.responseStarted) {
      this.prev.fail(x, error);
      return;
    }
    const again = x.attempts < this.#attemptsMax && x.bodyWhole && isSafe(x, error);
    this.#count(again);
    if (!again) {
      this.prev.fail(x, error);
      return;
    }
    x.attempts += 1;
    x.error = error;
    // What one endpoint said of its attempt is nothing that the client may take for the whole.
    x.resetCode = -1;
    this.next.request(x);
  }
}

/**
 * RFC 9110 section 9.2.2. A connection that had been idle and died before a byte of the response
 * is the usual race with a server's own idle time-out; an endpoint that had just been dialled and
 * fails so is taken at its word.
 */
function isSafe(x: Exchange, error: ProxyError): boolean {
  if (errorTraits[error.code].unprocessed) return errorTraits[error.code].initiator === 'remote';
  return error.code === 'UPSTREAM_RESET' && x.reused && isIdempotent(x.request.method);
}

function isIdempotent(method: number): boolean {
  switch (method) {
    case Method.GET:
    case Method.HEAD:
    case Method.PUT:
    case Method.DELETE:
    case Method.OPTIONS:
    case Method.TRACE:
      return true;
    default:
      return false;
  }
}
