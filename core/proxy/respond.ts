/**
 * The only table from error to response, for both directions, with Linkerd's statuses. What the
 * proxy answers says so: `l5d-proxy-error` with a sentence, `heddle-error` with a stable code that
 * docs/ERRORS.md explains, and a short text body for whoever looks at it with curl.
 */

import type { ErrorCode, ProxyError } from '../base/errors.ts';
import type { Exchange } from '../http/exchange.ts';
import { headOfLines } from '../http/field-lines.ts';
import { encodeGrpcMessage, GrpcCode } from '../http/grpc.ts';
import { Layer } from '../stack/layer.ts';

interface ErrorResponse {
  readonly status: number;
  readonly reason: string;
  /** The connection ends after the answer, as Linkerd does it. */
  readonly close: boolean;
  /** The value of the label `error` in `*_http_errors_total`. */
  readonly label: string;
  /** The status that a gRPC client is answered with. */
  readonly grpc: number;
  /** What whoever sees the answer can do. */
  readonly remedy: string;
}

export class Respond extends Layer<Exchange> {
  readonly #counted: (x: Exchange, error: ProxyError) => void;
  readonly #emitting: boolean;

  /** `emitting`: answers carry the reason; without it only the status (callers from outside). */
  constructor(emitting: boolean, counted: (x: Exchange, error: ProxyError) => void) {
    super();
    this.#emitting = emitting;
    this.#counted = counted;
  }

  override fail(x: Exchange, error: ProxyError): void {
    x.error = error;
    this.#counted(x, error);
    const response = responseTo(error.code);
    if (x.responseStarted) {
      this.#breakOff(x, response, error);
      return;
    }
    x.status = x.isGrpc ? 200 : response.status;
    x.closing ||= response.close;
    x.response = null;
    x.respondedMs = x.startedMs;
    x.syntheticReason = response.reason;
    x.syntheticFields = x.isGrpc
      ? `content-type: application/grpc\r\n${this.#grpcFields(response, error)}`
      : this.#fields(response, error);
    x.syntheticBody = this.#emitting && !x.isGrpc ? bodyText(response, error) : '';
    this.prev.response(x);
    this.prev.end(x);
  }

  /** A gRPC call ends with its status also now, unless the endpoint itself has reset it. */
  #breakOff(x: Exchange, response: ErrorResponse, error: ProxyError): void {
    if (!x.isGrpc || x.resetCode !== -1) {
      this.prev.fail(x, error);
      return;
    }
    x.client?.trailers(x, headOfLines(this.#grpcFields(response, error)));
    this.prev.end(x);
  }

  #grpcFields(response: ErrorResponse, error: ProxyError): string {
    const status = `grpc-status: ${response.grpc}\r\n`;
    if (!this.#emitting) return `${status}heddle-error: ${error.code}\r\n`;
    const message = encodeGrpcMessage(fieldText(`${error.message}. ${response.remedy}`));
    const shown = `l5d-proxy-error: ${fieldText(error.message)}\r\n`;
    return `${status}grpc-message: ${message}\r\nheddle-error: ${error.code}\r\n${shown}`;
  }

  #fields(response: ErrorResponse, error: ProxyError): string {
    const code = `heddle-error: ${error.code}\r\n`;
    if (!this.#emitting) return code;
    const closing = response.close ? 'l5d-proxy-connection: close\r\n' : '';
    const message = fieldText(error.message);
    return `${code}l5d-proxy-error: ${message}\r\n${closing}content-type: text/plain\r\n`;
  }
}

/** What a client is answered for an error of this kind. */
export function responseTo(code: ErrorCode): ErrorResponse {
  return table[code];
}

function bodyText(response: ErrorResponse, error: ProxyError): string {
  return fieldText(
    `heddle: ${response.status} ${error.code}: ${error.message}. ${response.remedy}`,
  ).concat('\n');
}

/** Printable ASCII only: details may quote what a peer sent. */
function fieldText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, fieldTextCharsMax);
}

function row(
  status: number,
  reason: string,
  close: boolean,
  label: string,
  remedy: string,
  grpc: number = grpcOf(status),
): ErrorResponse {
  return { status, reason, close, label, remedy, grpc };
}

/** As Linkerd maps what it answers with this status. */
function grpcOf(status: number): number {
  switch (status) {
    case 403:
      return GrpcCode.PERMISSION_DENIED;
    case 404:
      return GrpcCode.NOT_FOUND;
    case 408:
    case 504:
      return GrpcCode.DEADLINE_EXCEEDED;
    case 501:
      return GrpcCode.UNIMPLEMENTED;
    case 502:
    case 503:
      return GrpcCode.UNAVAILABLE;
    case 508:
      return GrpcCode.ABORTED;
    default:
      return GrpcCode.INTERNAL;
  }
}

const badRequest = (remedy: string): ErrorResponse =>
  row(400, 'Bad Request', true, 'unexpected', remedy);
const gateway = (remedy: string): ErrorResponse => row(502, 'Bad Gateway', true, 'i/o', remedy);
const unavailable = (remedy: string): ErrorResponse =>
  row(503, 'Service Unavailable', true, 'loadshed', remedy);

const table: Record<ErrorCode, ErrorResponse> = {
  BAD_REQUEST: badRequest('Mend the client.'),
  BODY_FRAMING: badRequest('Mend the client.'),
  NO_AUTHORITY: badRequest('Send a host field or an absolute URI.'),
  HEAD_TOO_LARGE: row(
    431,
    'Request Header Fields Too Large',
    true,
    'unexpected',
    'Send fewer bytes of header fields or raise the limit that the sentence names.',
  ),
  TOO_MANY_FIELDS: row(
    431,
    'Request Header Fields Too Large',
    true,
    'unexpected',
    'Send fewer header fields or raise proxy.headFieldsMax.',
  ),
  URI_TOO_LONG: row(
    414,
    'URI Too Long',
    true,
    'unexpected',
    'Send a shorter URI or raise proxy.headBytesMax.',
  ),
  EXPECTATION_FAILED: row(
    417,
    'Expectation Failed',
    true,
    'unexpected',
    'Only 100-continue is supported.',
  ),
  NOT_IMPLEMENTED: row(501, 'Not Implemented', true, 'unexpected', 'Send the body in chunks.'),
  VERSION_NOT_SUPPORTED: row(
    505,
    'HTTP Version Not Supported',
    true,
    'unexpected',
    'Speak HTTP/1.1.',
  ),
  REQUEST_TIMEOUT: row(408, 'Request Timeout', true, 'unexpected', 'Send the request faster.'),
  CLIENT_GONE: row(499, 'Client Closed Request', true, 'i/o', 'Nobody reads this.'),
  UNKNOWN_SERVICE: row(
    404,
    'Not Found',
    false,
    'unexpected',
    'Add it under services: or set proxy.passthrough: allow.',
  ),
  POLICY_UNSUPPORTED: row(
    403,
    'Forbidden',
    false,
    'unauthorized',
    'Take what it names out of the policy; see /watches of the admin port.',
  ),
  UNAUTHORIZED: row(
    403,
    'Forbidden',
    false,
    'unauthorized',
    'See /watches of the admin port for the policy, and let it name this client.',
  ),
  LOOP: row(508, 'Loop Detected', true, 'unexpected', 'Let no endpoint be a listener of a proxy.'),
  NO_ENDPOINTS: unavailable('See /endpoints of the admin port for where they should come from.'),
  QUEUE_FULL: unavailable('The service is too slow for its load; see /endpoints.'),
  LOAD_SHED: unavailable('Try again later, or raise the limit that is named.'),
  DRAINING: unavailable('Try another instance.'),
  FAILFAST: row(
    504,
    'Gateway Timeout',
    true,
    'failfast',
    'See /endpoints of the admin port for why none is ready.',
  ),
  DISCOVERY_TIMEOUT: row(
    504,
    'Gateway Timeout',
    true,
    'failfast',
    'See /endpoints of the admin port for its source.',
  ),
  CONNECT_TIMEOUT: row(504, 'Gateway Timeout', true, 'i/o', 'Is the endpoint reachable?'),
  CONNECT_REFUSED: gateway('Does the endpoint listen on this port?'),
  CONNECT_FAILED: gateway('Is the endpoint reachable?'),
  TLS_FAILED: gateway("See the log of the endpoint's proxy, and heddle check."),
  IDENTITY_MISMATCH: row(
    502,
    'Bad Gateway',
    true,
    'identity required',
    'See heddle identity for who the endpoint is.',
  ),
  NOT_CERTIFIED: row(
    502,
    'Bad Gateway',
    true,
    'identity required',
    'See /ready of the admin port for why there is no certificate.',
  ),
  UPSTREAM_REFUSED: gateway('The endpoint is shutting down or full; see its log.'),
  UPGRADE_REFUSED: gateway('Declare protocol: http1 where the endpoint speaks it too.'),
  UPSTREAM_RESET: gateway('See the log of the endpoint.'),
  UPSTREAM_MALFORMED: gateway('Mend the endpoint.'),
  UPSTREAM_HEAD_TOO_LARGE: gateway(
    'Raise proxy.headBytesMax, http2MaxHeaderListSize or headFieldsMax.',
  ),
  UPSTREAM_TRUNCATED: gateway('See the log of the endpoint.'),
  DEADLINE_EXCEEDED: row(
    504,
    'Gateway Timeout',
    false,
    'response timeout',
    'Give the call more time, or see the log of the endpoint.',
  ),
  RESPONSE_TIMEOUT: row(
    504,
    'Gateway Timeout',
    false,
    'response timeout',
    'See the log of the endpoint, or raise proxy.responseTimeoutMs.',
  ),
  UNEXPECTED: row(500, 'Internal Server Error', true, 'unexpected', 'Please report this.'),
};

const fieldTextCharsMax = 1_000;
