/**
 * `node tools/docs-errors.ts`: writes docs/ERRORS.md from the table of errors and the table of
 * answers. A test beside this file fails while the page is not what this would write.
 */

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { grpcStatusName } from '../cli/grpc-status.ts';
import { type ErrorCode, errorTraits, type Initiator } from '../core/base/errors.ts';
import { hopsMax, informationalMax } from '../core/base/limits.ts';
import { responseTo } from '../core/proxy/respond.ts';

/** When it happens and where to look: what the one sentence of an answer has no room for. */
const explanations: Readonly<Record<ErrorCode, string>> = {
  BAD_REQUEST: `The head breaks a rule of RFC 9112 that keeps proxies and origins of one mind
about where a request ends. The sentence names the rule and the byte. Nothing was sent to an
endpoint. Over HTTP/2 there is no answer: a malformed request ends with RST_STREAM and
PROTOCOL_ERROR (RFC 9113 8.1.1), and the log has the rule.`,
  HEAD_TOO_LARGE: `Often a cookie that has grown. Nothing was sent to an endpoint.`,
  URI_TOO_LONG: `The request line alone is longer than the whole head may be.`,
  TOO_MANY_FIELDS: `Fields of the head, or of the trailers, beyond \`proxy.headFieldsMax\`. A head
is never cut: what would be lost could be the field that says how long the body is.`,
  BODY_FRAMING: `A chunk breaks RFC 9112 section 7.1, or the connection ended within the body.
Part of the body may have reached an endpoint, whose connection was closed then.`,
  EXPECTATION_FAILED: `\`Expect\` has another value than \`100-continue\`.`,
  NOT_IMPLEMENTED: `\`Transfer-Encoding\` names another coding than \`chunked\`.`,
  VERSION_NOT_SUPPORTED: `The major version in the request line is not 1.`,
  REQUEST_TIMEOUT: `The head took longer than \`proxy.headTimeoutMs\`, or the body paused for
longer than \`proxy.bodyIdleTimeoutMs\`. A connection on which no request has begun ends without
an answer. Over HTTP/2 a field block that does not end in time ends the connection.`,
  CLIENT_GONE: `No answer carries it: it is in the access log and in the metrics, as the outcome
of a request whose client closed the connection, or reset the stream, first.`,
  UNKNOWN_SERVICE: `No service of the configuration has this name and port. Names are explained in
[CONFIG.md](CONFIG.md#names); a port that differs from the service's makes another name. For TLS
and other connections that are not HTTP the connection is closed instead.`,
  UNAUTHORIZED: `The policy of the port has no authorization for who the client is: it comes from
another network, or has not proved an identity that is named; requests in plaintext prove none. The
log has a line \`Request denied\` with the client and the policy. Connections that are not HTTP are
reset, with a line \`Connection denied\`. What comes from the loopback is always let in.`,
  POLICY_UNSUPPORTED: `The control plane sent a policy that restricts, filters or divides the
traffic of this service or port in a way that this version does not carry out. Nothing is allowed
because it is not understood. The sentence names what the policy asks for. Connections that are not
HTTP are reset, and the log says why.`,
  NO_AUTHORITY: `HTTP/1.0 without \`Host\` through the outbound listener: nothing says where to.`,
  LOOP: `All endpoints of the service are listeners of this same proxy. Or proxies are endpoints of
each other: with many requests in flight a proxy counts in \`l5d-hops\` which have passed it, and
after ${hopsMax} it is enough.`,
  NO_ENDPOINTS: `The service is configured, and its source says that it has no endpoint. A source
that fails does not lead here: its last good endpoints stay.`,
  FAILFAST: `The service has endpoints, but for \`proxy.failfastTimeoutMs\` the gates of all have
been shut by failed connections. This request waited that long; later ones get
[LOAD_SHED](#load_shed) at once, until a connection succeeds.`,
  QUEUE_FULL: `More than \`proxy.queueRequestsMax\` requests of one worker wait for an endpoint,
or for a connection to one.`,
  LOAD_SHED: `\`proxy.inFlightMax\` requests are under way in this worker and direction, or the
service is in failfast, or more services are in use than a worker keeps, or no file descriptor was
left for a connection (\`EMFILE\`). The sentence says which.`,
  DISCOVERY_TIMEOUT: `The first answer of the source, DNS for instance, did not come within 5 s.`,
  CONNECT_TIMEOUT: `No connection within \`proxy.connectTimeoutMs\`. The gate of the endpoint is
shut for a while.`,
  CONNECT_REFUSED: `The host answered that nothing listens there. The gate of the endpoint is shut
for a while.`,
  CONNECT_FAILED: `The sentence has the system's word, \`EHOSTUNREACH\` for instance. The gate of
the endpoint is shut for a while.`,
  TLS_FAILED: `The endpoint has an identity, so it is spoken to in mutual TLS and in nothing else,
and the handshake failed: the sentence says at what. A certificate that is not of the trust anchors,
or is out of its time, is among the reasons; [SECURITY.md](SECURITY.md) lists them.`,
  IDENTITY_MISMATCH: `The certificate of the endpoint is sound and names somebody else than the
control plane said, or than the request demanded with \`l5d-require-id\`; or the request, or
\`proxy.requireIdentity\`, demands an identity of an endpoint that has none.`,
  NOT_CERTIFIED: `The endpoint has an identity, and this proxy was not given a certificate of its
own in time. Nothing is sent to it in plaintext instead.`,
  UPSTREAM_REFUSED: `The endpoint said that it had not begun with the request: RST_STREAM with
REFUSED_STREAM, or a GOAWAY whose last stream is below it (RFC 9113 8.7). It was sent elsewhere, and
this is the answer because that was refused as well.`,
  UPGRADE_REFUSED: `A WebSocket, or another upgrade, for an endpoint that is spoken to in HTTP/2 and
whose SETTINGS do not have ENABLE_CONNECT_PROTOCOL (RFC 8441).`,
  UPSTREAM_RESET: `The connection or the stream ended after the request was sent and before a byte
of the response: the application crashed, restarted, or closed an idle connection in the same
moment. The sentence says so where an endpoint answered HTTP/2 in HTTP/1: its service needs
\`protocol: http1\`.`,
  UPSTREAM_MALFORMED: `The response breaks a rule that tells responses apart, has a 101 that
nobody asked for, or more than ${informationalMax} informational responses. The sentence names the
rule; the connection is closed and nothing of what it sent is given to anybody else.`,
  UPSTREAM_HEAD_TOO_LARGE: `The head of the response exceeds the limits that hold for requests
too.`,
  UPSTREAM_TRUNCATED: `The connection or the stream ended within the body of the response. The
status has been sent by then, so the client's connection, or its stream, is reset: it must not take
the body for whole.`,
  DEADLINE_EXCEEDED: `A gRPC call carries \`grpc-timeout\`; when it is over the proxy stops waiting,
as its caller does, and resets the call toward the endpoint.`,
  RESPONSE_TIMEOUT: `Nothing came from the endpoint for \`proxy.responseTimeoutMs\`. After the
head of the response the client's connection is reset instead.`,
  DRAINING: `A connection that is not HTTP still waited for an endpoint when the grace period of
the shutdown was over. It is reset; the code is in the log.`,
  UNEXPECTED: `A mistake in Heddle.`,
};

const initiators: Readonly<Record<Initiator, string>> = {
  local: 'this proxy: its limits, its configuration or its state',
  client: 'whoever sent the request',
  remote: 'the endpoint, or the way to it',
};

export function renderErrorsPage(): string {
  const codes = Object.keys(errorTraits) as ErrorCode[];
  return [
    '# Errors',
    '',
    '<!-- Written by `npx node tools/docs-errors.ts` from the tables of errors and of answers. -->',
    '',
    intro,
    '',
    '| Code | Status | gRPC | Caused by | Meaning |',
    '| --- | --- | --- | --- | --- |',
    ...codes.map(renderRow),
    '',
    ...codes.flatMap(renderCode),
  ].join('\n');
}

const intro = `What the proxy answers by itself carries \`heddle-error\` with one of these codes.
They are stable: alerts and clients may rely on them. Nothing else gets the field; where an endpoint
is a proxy too, its answers keep theirs.

Outbound, \`l5d-proxy-error\` has a sentence with the details, and the body has that sentence and a
remedy. Inbound, where callers may be strangers, the answer has the status and the code alone; the
sentence is in the log. \`heddle_errors_total\` counts by code ([METRICS.md](METRICS.md)).

A call of gRPC is answered in its own terms: status 200, \`grpc-status\`, and the sentence with the
remedy in \`grpc-message\`. A connection of HTTP/2 that ends after an answer ends with GOAWAY, and
what is under way on it is answered before.

Once a response has begun nothing else can be answered: the connection is reset instead, over
HTTP/2 the stream, and log and metrics have the code. A call of gRPC gets its status as trailers
also then. Connections that are not HTTP are reset too.

"May be sent again" is about the request: *yes* means that no endpoint has processed it, so that
any method is safe; *if idempotent* means that an endpoint may have. The proxy itself sends a
request again, up to twice and to another endpoint if there is one, when no connection came about,
when the endpoint said over HTTP/2 that it had not begun with it, and when a connection that had
carried others before died before the response and the method is idempotent.`;

function renderRow(code: ErrorCode): string {
  const { initiator, summary } = errorTraits[code];
  const { status, grpc } = responseTo(code);
  const link = `[${code}](#${code.toLowerCase()})`;
  return `| ${link} | ${status} | ${grpcStatusName(String(grpc))} | ${initiator} | ${summary} |`;
}

function renderCode(code: ErrorCode): string[] {
  const { initiator, summary, unprocessed } = errorTraits[code];
  const { status, reason, grpc, close, remedy } = responseTo(code);
  return [
    `## ${code}`,
    '',
    `${summary[0].toUpperCase()}${summary.slice(1)}. ${explanations[code].replaceAll('\n', ' ')}`,
    '',
    `- Status: ${status} ${reason}`,
    `- gRPC status: ${grpc} ${grpcStatusName(String(grpc))}`,
    `- Caused by: ${initiators[initiator]}`,
    `- May be sent again: ${unprocessed ? 'yes' : 'if idempotent'}`,
    `- The client's connection: ${close ? 'ends after the answer' : 'stays open'}`,
    `- What to do: ${remedy}`,
    '',
  ];
}

export const errorsPage = resolve(import.meta.dirname, '../docs/ERRORS.md');

if (import.meta.main) writeFileSync(errorsPage, renderErrorsPage());
