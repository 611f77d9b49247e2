/** The section `proxy:` of `heddle.yaml`: the settings of a proxy process. */

import { isIP } from 'node:net';
import { z } from 'zod';
import {
  bodyIdleTimeoutMs,
  clientIdleTimeoutMs,
  connectTimeoutMs,
  controlStreamIdleMs,
  controlStreamInitialMs,
  controlStreamLifetimeMs,
  detectTimeoutMs,
  failfastTimeoutMs,
  headBytesMax,
  headFieldsCeiling,
  headFieldsMax,
  headTimeoutMs,
  http2ConcurrentStreamsMax,
  http2ConnectionAgeMs,
  http2FrameBytesCeiling,
  http2IdleTimeoutMs,
  http2InitialConnectionWindowBytes,
  http2InitialStreamWindowBytes,
  http2KeepAliveIntervalMs,
  http2KeepAliveTimeoutMs,
  http2MaxFrameBytes,
  http2StreamWindowCeiling,
  identityRefreshMaxMs,
  identityRefreshMinMs,
  inFlightMax,
  listenBacklogMax,
  maxConnectionsDefault,
  poolConnectionsMax,
  poolIdleTimeoutMs,
  queueRequestsMax,
  responseTimeoutMs,
  seriesRetainMs,
  workersMax,
} from '../../core/base/limits.ts';
import { parseLogFilter } from '../../core/telemetry/log-filter.ts';
import { isDnsName, isHostAndPort } from '../model/address.ts';
import { defaultWorkload, readNamespace } from '../model/workload.ts';
import {
  flag,
  listenerOrOff,
  milliseconds,
  oneOf,
  path,
  text,
  whole,
} from './config-schema-parts.ts';

export const proxySchema = z.strictObject(
  {
    control: text(
      'expected host:port of a control plane such as 127.0.0.1:8086, or several, comma-separated',
      (value) => value === '' || value.split(',').every(isHostAndPort),
    )
      .default('')
      .describe(
        'Control planes, `host:port`, comma-separated: they say which services there are, and ' +
          'those of the file have no effect here but for `bind`. Empty: the file says it.',
      ),
    workload: text(
      'expected JSON such as {"ns":"demo","pod":"web-1"}',
      (value) => readNamespace(value) !== null,
    )
      .default(defaultWorkload)
      .describe('Who the proxy is for, as control planes want it; `ns` is its namespace.'),
    stateDir: z
      .string({ error: 'expected a path, or off' })
      .refine((value) => !value.includes('\0'), { error: 'expected a path without NUL' })
      .default('')
      .describe(
        'Where the proxy keeps what a control plane said last, for when it cannot be asked. ' +
          'Empty: `$XDG_STATE_HOME/heddle/<pod>`; `off`: nowhere.',
      ),
    identity: text(
      'expected a service account such as web.demo, or a whole name of an identity',
      (value) => value === '' || isDnsName(value),
    )
      .default('')
      .describe(
        'Who the proxy proves to be: a service account with its namespace, or the whole name. ' +
          'Empty: nobody, and then it neither encrypts nor verifies.',
      ),
    identityToken: path('A file with the token that gives the right to that identity.'),
    identityDir: path(
      'A folder with `key.p8` and `csr.der`, ready-made. Empty: the proxy makes its own key.',
    ),
    identityTrustAnchors: path(
      'A PEM file of trust anchors, or their PEM. Empty: those whose digest the token pins.',
    ),
    identityRefreshMinMs: milliseconds(
      identityRefreshMinMs,
      'The next certificate is asked for at 70 % of the life of this one, not sooner than this.',
    ),
    identityRefreshMaxMs: milliseconds(identityRefreshMaxMs, 'And not later than this.'),
    requireIdentity: flag(
      false,
      'Whether endpoints that prove no identity are refused instead of spoken to in plaintext.',
    ),
    outboundTransportMode: oneOf(['transport-header', 'transparent'])
      .default('transport-header')
      .describe(
        'Which port of a meshed peer is dialled: `transport-header`, the inbound port of its ' +
          'proxy, where it takes any protocol; `transparent`, the port that is meant.',
      ),
    controlStreamInitialMs: milliseconds(
      controlStreamInitialMs,
      'How long a control plane may take to say something on a new watch.',
    ),
    controlStreamIdleMs: milliseconds(
      controlStreamIdleMs,
      'How long a watch may be silent before it is begun anew.',
    ),
    controlStreamLifetimeMs: milliseconds(
      controlStreamLifetimeMs,
      'After which a watch is begun anew in any case.',
    ),
    outbound: listenerOrOff
      .default('127.0.0.1:4140')
      .describe('Where applications reach the mesh: `IP:port`, or `false`.'),
    outboundSecond: listenerOrOff
      .optional()
      .meta({ examples: ['[::1]:4140'] })
      .describe('A second listener of the same kind, for the other version of IP.'),
    inbound: listenerOrOff
      .optional()
      .meta({ examples: ['0.0.0.0:4143'] })
      .describe(
        'Where the mesh reaches the local application: `IP:port`, or `false`. ' +
          'Off without `inboundTo` or `originalDestination`, else 0.0.0.0:4143 when not given.',
      ),
    inboundTo: listenerOrOff
      .optional()
      .meta({ examples: ['127.0.0.1:8080'] })
      .describe(
        'The local application that inbound traffic goes to, as `IP:port`; without it, to where ' +
          'it was going (`originalDestination`).',
      ),
    originalDestination: oneOf(['off', 'redirect', 'tproxy'])
      .default('off')
      .describe(
        'How the system tells where redirected connections were going: `redirect`, of iptables ' +
          'or nft; `tproxy`, inbound alone; `off`: none is redirected.',
      ),
    inboundIps: z
      .array(
        text('expected an IP address', (value) => isIP(value) !== 0),
        {
          error: 'expected a list of IP addresses',
        },
      )
      .max(16, { error: 'expected at most 16 addresses' })
      .default([])
      .describe('Original destinations that `inbound` takes; empty: any.'),
    ingressMode: flag(
      false,
      'Whether requests go by their field `l5d-dst-override` (`host:port`) where they have one, ' +
        'as an ingress controller sets it.',
    ),
    informationalHeaders: flag(
      true,
      'Whether applications are told by `l5d-` fields what the proxy found.',
    ),
    admin: listenerOrOff
      .default('127.0.0.1:4191')
      .describe(
        'Metrics, readiness and, for the loopback alone, inspection: `IP:port`, or `false`.',
      ),
    workers: z
      .union([z.literal('auto'), whole(0, workersMax)], {
        error: `expected auto or a whole number from 0 to ${workersMax}`,
      })
      .default('auto')
      .describe('Worker threads. `auto`: the CPU limit, at most 4. 0: all in the main thread.'),
    accept: oneOf(['transfer', 'reuseport'])
      .default('transfer')
      .describe(
        '`transfer`: the main thread accepts and chooses a worker. `reuseport`: each worker ' +
          'accepts, for loads of one request per connection.',
      ),
    maxConnections: whole(1, 1_000_000)
      .default(maxConnectionsDefault)
      .describe('Connections from clients; more wait in the backlog of the system.'),
    passthrough: oneOf(['refuse', 'allow'])
      .default('refuse')
      .describe('`allow`: a name that no service has goes to where DNS says.'),
    allowRemote: flag(
      false,
      'Permits `outbound` and `bind` on addresses that other machines can reach.',
    ),
    headBytesMax: whole(1024, headBytesMax)
      .default(headBytesMax)
      .describe('The largest request or response head. Bytes.'),
    headFieldsMax: whole(1, headFieldsCeiling)
      .default(headFieldsMax)
      .describe('The most fields in a head.'),
    headTimeoutMs: milliseconds(headTimeoutMs, 'How long a request head may take to arrive.'),
    bodyIdleTimeoutMs: milliseconds(
      bodyIdleTimeoutMs,
      'How long a body may pause while the proxy waits for it.',
    ),
    clientIdleTimeoutMs: milliseconds(
      clientIdleTimeoutMs,
      'How long a client connection may stay without a request.',
    ),
    connectTimeoutMs: milliseconds(connectTimeoutMs, 'How long an endpoint may take to accept.'),
    responseTimeoutMs: milliseconds(
      responseTimeoutMs,
      'How long an endpoint may take from the end of the request to the response head.',
    ),
    poolIdleTimeoutMs: milliseconds(
      poolIdleTimeoutMs,
      'How long an unused connection to an endpoint is kept.',
    ),
    poolConnectionsMax: whole(1, 65_535)
      .default(poolConnectionsMax)
      .describe('Connections of one worker to one endpoint.'),
    http2InitialStreamWindowSize: whole(65_535, http2StreamWindowCeiling)
      .default(http2InitialStreamWindowBytes)
      .describe('What a peer may send on an HTTP/2 stream before it has been forwarded. Bytes.'),
    http2InitialConnectionWindowSize: whole(65_535, 2 ** 31 - 1)
      .default(http2InitialConnectionWindowBytes)
      .describe('The same for all streams of a connection together. Bytes.'),
    http2MaxConcurrentStreams: whole(1, http2ConcurrentStreamsMax)
      .default(http2ConcurrentStreamsMax)
      .describe('Requests that a client may have under way on an HTTP/2 connection.'),
    http2MaxFrameSize: whole(16_384, http2FrameBytesCeiling)
      .default(http2MaxFrameBytes)
      .describe('The largest HTTP/2 frame that a peer may send. Bytes.'),
    http2MaxHeaderListSize: whole(1024, headBytesMax)
      .default(headBytesMax)
      .describe('The largest head over HTTP/2, 32 bytes added for each field. Bytes.'),
    http2KeepAliveIntervalMs: milliseconds(
      http2KeepAliveIntervalMs,
      'How long an endpoint may be silent over HTTP/2, with a request under way, until a PING.',
    ),
    http2KeepAliveTimeoutMs: milliseconds(
      http2KeepAliveTimeoutMs,
      'How long it may take to answer the PING before the connection counts as broken.',
    ),
    http2ServerKeepAliveIntervalMs: milliseconds(
      0,
      'How long a client with a request under way may be silent over HTTP/2 until a PING; 0: none.',
      0,
    ),
    http2ServerKeepAliveTimeoutMs: milliseconds(
      http2KeepAliveTimeoutMs,
      'How long a client may take to answer the PING before its connection counts as broken.',
    ),
    http2IdleTimeoutMs: milliseconds(
      http2IdleTimeoutMs,
      'How long an HTTP/2 connection to an endpoint is kept without a request.',
    ),
    http2ConnectionAgeMs: milliseconds(
      http2ConnectionAgeMs,
      'After which an HTTP/2 connection to an endpoint is replaced, less up to a tenth.',
    ),
    queueRequestsMax: whole(0, 1_000_000)
      .default(queueRequestsMax)
      .describe('Requests of one target that wait for an endpoint, in one worker.'),
    failfastTimeoutMs: milliseconds(
      failfastTimeoutMs,
      'How long a target may be without a ready endpoint before its requests are refused at once.',
    ),
    inFlightMax: whole(1, 10_000_000)
      .default(inFlightMax)
      .describe('Requests in flight in one worker and direction before it sheds load.'),
    detectTimeoutMs: milliseconds(
      detectTimeoutMs,
      'How long the first bytes of a connection may take to say what it speaks.',
    ),
    acceptKeepAliveMs: milliseconds(0, 'TCP keep-alive of connections from clients; 0: off.', 0),
    connectKeepAliveMs: milliseconds(0, 'TCP keep-alive of connections to endpoints; 0: off.', 0),
    acceptUserTimeoutMs: milliseconds(
      0,
      'How long bytes to a client may stay unacknowledged (TCP_USER_TIMEOUT); 0: no limit here.',
      0,
    ),
    connectUserTimeoutMs: milliseconds(0, 'The same for bytes to an endpoint.', 0),
    listenBacklog: whole(1, listenBacklogMax)
      .default(listenBacklogMax)
      .describe('Clients that wait in the system until they are accepted.'),
    announceMs: milliseconds(
      5_000,
      'How long, when shutting down, connections are still accepted and told to close.',
      0,
    ),
    graceMs: milliseconds(30_000, 'How long a shutdown takes at the most, all of it inside.', 0),
    drain: oneOf(['patient', 'strict'])
      .default('patient')
      .describe(
        'Whether outbound stays open in a shutdown for as long as the application uses it ' +
          '(`patient`), or ends together with inbound, at once and unannounced (`strict`).',
      ),
    metricsRetainMs: milliseconds(
      seriesRetainMs,
      'After which metrics of what is not used any more are forgotten.',
    ),
    logLevel: text(
      'expected off, error, warn, info, debug, or a filter such as warn,heddle::drain=debug',
      (value) => parseLogFilter(value).problems.length === 0,
    )
      .default('info')
      .describe(
        'The least important line that is logged: `off`, `error`, `warn`, `info` or `debug`, for ' +
          'all or by target, as in `warn,heddle::drain=debug`. Filters of Linkerd are understood.',
      ),
    logFormat: oneOf(['plain', 'json']).default('plain').describe('How log lines look.'),
    accessLog: oneOf(['off', 'json', 'apache', 'common'])
      .default('off')
      .describe('One line for each request, and in which form.'),
    adminShutdown: flag(false, 'Permits `POST /shutdown` on the admin port, from the loopback.'),
  },
  { error: 'expected a mapping of settings' },
);
