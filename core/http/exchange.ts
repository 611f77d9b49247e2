/**
 * One request and its response on their way through the proxy: the only object per request. It
 * has a fixed shape, comes from a free list and goes back to it when both directions have ended.
 */

import type { ProxyError } from '../base/errors.ts';
import { exchangesKeptMax, heldBodyBytesMax, replayBytesMax } from '../base/limits.ts';
import type { TunnelSide } from '../io/conduit.ts';
import { GrpcStatus } from './grpc.ts';
import { Head } from './head.ts';

/** Who a client has proved to be, over TLS. */
export interface ClientIdentity {
  /** Empty for one that has shown no certificate. */
  readonly name: string;
  /** The complete field line that tells the application; empty without a name. */
  readonly line: string;
}

/** What a client's requests have in common. */
export interface ClientConnection {
  /** Null in plaintext. */
  readonly identity: ClientIdentity | null;
  /** The peer, as `10.0.0.1:4321`. */
  readonly peer: string;
  /** What the connection is for when that was known before its first request. */
  readonly fixedTarget: unknown;
  /** What the policy of its target was found to say of it; the proxy's layers know its type. */
  grant: unknown;
}

/** Where a request came from: an HTTP/1.1 connection, or a stream of an HTTP/2 one. */
export interface ExchangeClient {
  readonly connection: ClientConnection;
  /** A response head below 200: `x.response`. */
  informational(x: Exchange): void;
  /** The final response head; or, where `x.response` is null, the answer the proxy made. */
  respond(x: Exchange): void;
  /** A part of the response's body; it comes without passing the layers. */
  data(x: Exchange, bytes: Buffer, start: number, end: number): void;
  /** Fields behind the body, those dropped that are not to be forwarded; without layers too. */
  trailers(x: Exchange, fields: Head): void;
  /** The response is complete. */
  end(x: Exchange): void;
  /** Answers CONNECT with 200; what carries it belongs to the caller from now on. */
  establish(x: Exchange): TunnelSide;
  /** After a 101 was sent: what carries it belongs to the caller from now on. */
  detach(x: Exchange): TunnelSide;
  /** The response has begun and cannot be completed: the client must not take it for whole. */
  abort(x: Exchange): void;
  /** The upstream takes no more of the request's body for now. */
  pauseRequest(x: Exchange): void;
  resumeRequest(x: Exchange): void;
}

/** Where a request went out: a connection, or a stream of one. Its body comes without layers. */
export interface ExchangeUpstream {
  data(x: Exchange, bytes: Buffer, start: number, end: number): void;
  trailers(x: Exchange, fields: Head): void;
  /** The request's body is complete. */
  end(x: Exchange): void;
  /** Nobody waits for the response any more. */
  cancel(x: Exchange): void;
  pauseResponse(x: Exchange): void;
  resumeResponse(x: Exchange): void;
  /** After a 101: what carries it belongs to the caller from now on. */
  detach(x: Exchange): TunnelSide;
}

/** Where a request can be sent: one address with its connections. */
export interface ExchangeEndpoint {
  readonly host: string;
  readonly port: number;
  readonly slot: number;
  readonly address: string;
}

export class Exchange {
  readonly request = new Head();
  /** The response head while it is being handed on; null in a response that the proxy made. */
  response: Head | null = null;
  client: ExchangeClient | null = null;
  upstream: ExchangeUpstream | null = null;
  endpoint: ExchangeEndpoint | null = null;
  /** Why the proxy answered by itself. */
  error: ProxyError | null = null;
  /** Fields that the proxy adds to a response, or all of its own one, as complete lines. */
  syntheticFields = '';
  syntheticReason = '';
  syntheticBody = '';
  /** Who the request is for, where it does not say so itself. */
  defaultAuthority = '';
  /** Who this attempt says that the request is for, in place of what it says; '' for that. */
  authorityOverride = '';
  /** Fields that the proxy adds to the request, as complete lines. */
  extraFields = '';
  /** Fields that the proxy adds to a response that it forwards over HTTP/2, as complete lines. */
  addedFields = '';
  /** What the request was before this attempt made HTTP/2 of it: a sum of OrigProto; -1: itself. */
  origProto = -1;
  status = 0;
  startedMs = 0;
  /** When the current attempt went to its endpoint. */
  attemptMs = 0;
  /** When the response head came. */
  respondedMs = 0;
  attempts = 0;
  responseBytes = 0;
  /** The request is complete: head, body and trailers have arrived. */
  requestEnded = false;
  responseStarted = false;
  /** The attempt went out on a connection that had carried others before. */
  reused = false;
  /** Answers carry `connection: close`. */
  closing = false;
  /** The request is gRPC: errors are answered in its terms. */
  isGrpc = false;
  /** How the endpoint says that it ended: one of GrpcCode or of GrpcStatus. */
  grpcStatus: number = GrpcStatus.NONE;
  /** When its caller stops waiting, monotonic; from `grpc-timeout`. */
  deadlineMs = Number.POSITIVE_INFINITY;
  /** The HTTP/2 code that one side's stream was reset with, for the other side's; -1 for none. */
  resetCode = -1;
  /** The body so far, decoded, as long as it is whole and small enough to be sent again. */
  body: Buffer | null = null;
  bodyLength = 0;
  bodyWhole = true;
  /** Trailers of the request, for an attempt that goes out after they came. */
  requestTrailers: Head | null = null;
  /** Where it waits, for the layer that made it wait. */
  waitingIn: unknown = null;
  nextWaiting: Exchange | null = null;
  prevWaiting: Exchange | null = null;
  /** What the route found; the proxy's layers know its type. */
  target: unknown = null;

  /** Keeps body bytes while they may have to be sent (again). False when they were not kept. */
  keepBody(bytes: Buffer, start: number, end: number): boolean {
    const size = end - start;
    const sizeMax = this.upstream === null ? heldBodyBytesMax : replayBytesMax;
    if (!this.bodyWhole || this.bodyLength + size > sizeMax) {
      this.bodyWhole = false;
      return false;
    }
    if (this.body === null || this.body.length - this.bodyLength < size) {
      const grown = Buffer.allocUnsafeSlow(Math.max(2048, (this.bodyLength + size) * 2));
      this.body?.copy(grown, 0, 0, this.bodyLength);
      this.body = grown;
    }
    bytes.copy(this.body, this.bodyLength, start, end);
    this.bodyLength += size;
    return true;
  }

  reset(): void {
    // A head that never became whole must not be taken for the beginning of the next one.
    this.request.scanned = 0;
    this.response = null;
    this.client = null;
    this.upstream = null;
    this.endpoint = null;
    this.error = null;
    this.syntheticReason = '';
    this.syntheticFields = '';
    this.syntheticBody = '';
    this.defaultAuthority = '';
    this.authorityOverride = '';
    this.extraFields = '';
    this.addedFields = '';
    this.origProto = -1;
    this.status = 0;
    this.attempts = 0;
    this.responseBytes = 0;
    this.requestEnded = false;
    this.responseStarted = false;
    this.reused = false;
    this.closing = false;
    this.resetCode = -1;
    this.isGrpc = false;
    this.grpcStatus = GrpcStatus.NONE;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.bodyLength = 0;
    this.bodyWhole = true;
    this.requestTrailers = null;
    this.waitingIn = null;
    this.target = null;
    if (this.body !== null && this.body.length > bodyKeptBytes) this.body = null;
  }
}

/**
 * The free list of a thread: as long as what was in use lately asks for, because making thousands
 * of exchanges anew costs more than what they do.
 */
export class Exchanges {
  readonly #free: Exchange[] = [];
  /** How many have not been needed since the last trim. */
  #spare = 0;
  inUse = 0;

  take(): Exchange {
    this.inUse += 1;
    const x = this.#free.pop();
    if (x === undefined) return new Exchange();
    this.#spare = Math.min(this.#spare, this.#free.length);
    return x;
  }

  give(x: Exchange): void {
    this.inUse -= 1;
    x.reset();
    if (this.#free.length < exchangesKeptMax) this.#free.push(x);
  }

  /** Lets go of half of what nobody has needed since the last call. */
  trim(): void {
    this.#free.length -= Math.min(this.#spare, this.#free.length) >> 1;
    this.#spare = this.#free.length;
  }
}

const bodyKeptBytes = 8 * 1024;
