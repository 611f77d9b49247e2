/**
 * What can go wrong, as one class with a closed kind: what it is, who caused it, and whether the
 * request may be sent elsewhere. Which response a kind becomes is decided in `core/proxy` alone.
 */

/** `local`: our own limit or state; `client`: who sent the request; `remote`: who serves it. */
export type Initiator = 'local' | 'client' | 'remote';

interface ErrorTraits {
  readonly initiator: Initiator;
  /** The peer has provably not processed the request, so any method may be sent again. */
  readonly unprocessed: boolean;
  /** What happened, for a person who reads a response or a log line. */
  readonly summary: string;
}

const local = (summary: string, unprocessed = true): ErrorTraits => ({
  initiator: 'local',
  unprocessed,
  summary,
});
const client = (summary: string, unprocessed = true): ErrorTraits => ({
  initiator: 'client',
  unprocessed,
  summary,
});
const remote = (summary: string, unprocessed: boolean): ErrorTraits => ({
  initiator: 'remote',
  unprocessed,
  summary,
});

/** The stable codes that `heddle-error` carries; each has an anchor in docs/ERRORS.md. */
export const errorTraits = {
  BAD_REQUEST: client('the request is malformed'),
  HEAD_TOO_LARGE: client('the request head is larger than allowed'),
  URI_TOO_LONG: client('the request line is longer than allowed'),
  TOO_MANY_FIELDS: client('the request has more header fields than allowed'),
  BODY_FRAMING: client('the request body is malformed', false),
  EXPECTATION_FAILED: client('the value of expect is not supported'),
  NOT_IMPLEMENTED: client('the transfer coding is not supported'),
  VERSION_NOT_SUPPORTED: client('the HTTP version is not supported'),
  REQUEST_TIMEOUT: client('the request did not arrive in time', false),
  CLIENT_GONE: client('the client went away', false),
  UNKNOWN_SERVICE: client('no service of this name is configured'),
  UNAUTHORIZED: client('the policy of the service does not let this client in'),
  POLICY_UNSUPPORTED: local('the policy of the service asks for what has no effect yet'),
  NO_AUTHORITY: client('the request names no service'),
  LOOP: local('the request goes round in proxies'),
  NO_ENDPOINTS: local('the service has no endpoint that is ready'),
  FAILFAST: local('the service has had no ready endpoint for too long'),
  QUEUE_FULL: local('too many requests wait for this service'),
  LOAD_SHED: local('the proxy takes no more load'),
  DISCOVERY_TIMEOUT: local('what the service is was not learned in time'),
  CONNECT_TIMEOUT: remote('the endpoint did not accept a connection in time', true),
  CONNECT_REFUSED: remote('the endpoint refused the connection', true),
  CONNECT_FAILED: remote('the endpoint could not be reached', true),
  TLS_FAILED: remote('no secure connection to the endpoint came about', true),
  IDENTITY_MISMATCH: remote('the endpoint did not prove to be who it has to be', true),
  NOT_CERTIFIED: local('the proxy has no certificate yet, and the endpoint takes none without'),
  UPSTREAM_REFUSED: remote('the endpoint refused the request before processing it', true),
  UPGRADE_REFUSED: remote('the endpoint does not take upgrades over HTTP/2', true),
  UPSTREAM_RESET: remote('the endpoint closed the connection before it answered', false),
  UPSTREAM_MALFORMED: remote('the endpoint sent a malformed response', false),
  UPSTREAM_HEAD_TOO_LARGE: remote('the endpoint sent a larger head than allowed', false),
  UPSTREAM_TRUNCATED: remote('the endpoint ended its response early', false),
  DEADLINE_EXCEEDED: remote('the time that the caller gave was over', false),
  RESPONSE_TIMEOUT: remote('the endpoint did not answer in time', false),
  DRAINING: local('the proxy is shutting down'),
  UNEXPECTED: local('unexpected error', false),
} as const satisfies Record<string, ErrorTraits>;

export type ErrorCode = keyof typeof errorTraits;

export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  readonly code: ErrorCode;
  /** What exactly: names the limit and the setting, the address, the byte. */
  readonly detail: string;

  constructor(code: ErrorCode, detail = '', cause?: unknown) {
    super(
      detail === '' ? errorTraits[code].summary : `${errorTraits[code].summary}: ${detail}`,
      cause === undefined ? undefined : { cause },
    );
    this.code = code;
    this.detail = detail;
  }

  get traits(): ErrorTraits {
    return errorTraits[this.code];
  }
}

/** Nothing was sent: there was no connection to send it on. */
export function isConnectError(error: ProxyError): boolean {
  switch (error.code) {
    case 'CONNECT_REFUSED':
    case 'CONNECT_TIMEOUT':
    case 'CONNECT_FAILED':
    case 'TLS_FAILED':
    case 'IDENTITY_MISMATCH':
    case 'NOT_CERTIFIED':
      return true;
    default:
      return false;
  }
}
