/**
 * The shape of `heddle.yaml`, key by key: types, bounds, defaults and what each key is for. The
 * JSON Schema and the tables of docs/CONFIG.md are generated from here. What needs more than one
 * key to judge is in `config-rules.ts`. Only the load process and tools import this file, because
 * zod is not to stay in a sidecar.
 *
 * Every message reads `expected …`, with a remedy behind a semicolon where one is known.
 */

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
  maxConnectionsDefault,
  poolConnectionsMax,
  poolIdleTimeoutMs,
  queueRequestsMax,
  responseTimeoutMs,
  workersMax,
} from '../../core/base/limits.ts';
import { isDnsName, isHostAndPort, parseAddress, splitPort } from '../model/address.ts';
import { defaultWorkload, readNamespace } from '../model/workload.ts';

const dayMs = 24 * 3600 * 1000;

function whole(min: number, max: number) {
  const error = `expected a whole number from ${min} to ${max}`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

/** A time in milliseconds; nothing here waits longer than a day. */
function milliseconds(standard: number, description: string, min = 1) {
  return whole(min, dayMs).default(standard).describe(`${description} Milliseconds.`);
}

function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, { error: `expected one of ${values.join(', ')}` });
}

function flag(standard: boolean, description: string) {
  return z.boolean({ error: 'expected true or false' }).default(standard).describe(description);
}

function path(description: string) {
  return z
    .string({ error: 'expected a path' })
    .refine((value) => !value.includes('\0'), { error: 'expected a path without NUL' })
    .default('')
    .describe(description);
}

function text(error: string, accept: (value: string) => boolean) {
  return z.string({ error }).refine(accept, { error });
}

/** Listeners may ask for port 0: the system chooses one. */
const listener = text(
  'expected IP:port such as 127.0.0.1:4140; quote it when it is IPv6, as in "[::1]:4140"',
  (value) => parseAddress(value) !== null,
);
const listenerOrOff = z.union([listener, z.literal(false), z.null()], {
  error: 'expected IP:port such as 127.0.0.1:4140, or false to turn it off',
});

const endpointAddress = text(
  'expected IP:port such as 10.0.0.5:8080; for a name write dns: name:port instead of endpoints',
  (value) => (parseAddress(value)?.port ?? 0) > 0,
);

const endpoint = z.strictObject(
  {
    address: endpointAddress.describe('`IP:port`, IPv6 as `[::1]:8080`.'),
    weight: z
      .number({ error: 'expected a number above 0' })
      .gt(0, { error: 'expected a number above 0; remove the endpoint to send it nothing' })
      .max(10_000, { error: 'expected a number of at most 10000' })
      .default(1)
      .describe('Its share of the requests beside the other endpoints; above 0, up to 10000.'),
    zone: z
      .string({ error: 'expected a text such as eu-1a' })
      .max(253, { error: 'expected at most 253 characters' })
      .default('')
      .describe('Where it runs.'),
  },
  { error: 'expected IP:port or a mapping with address, weight, zone' },
);

/** Also what a YAML or JSON list in an endpoints file consists of. */
export const endpointList = z
  .array(
    z.union([endpointAddress, endpoint], {
      error: 'expected IP:port or a mapping with address, weight, zone',
    }),
    { error: 'expected a list such as [10.0.0.5:8080, 10.0.0.6:8080]' },
  )
  .max(10_000, { error: 'expected at most 10000 endpoints' });

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const labelError = 'expected a lower-case DNS label: letters, digits and inner hyphens, at most 63';
const dnsNameText = (example: string) =>
  text(`expected a DNS name such as ${example}`, (value) => isDnsName(value));

function isNameAndPort(value: string): boolean {
  const split = splitPort(value);
  return split !== null && (split.port ?? 0) > 0 && isDnsName(split.name);
}

const service = z.strictObject(
  {
    port: whole(1, 65535)
      .meta({ examples: [80] })
      .describe('The port under which applications name the service.'),
    namespace: text(labelError, (value) => label.test(value))
      .default('default')
      .describe('The namespace of the service.'),
    protocol: oneOf(['auto', 'http', 'http1', 'http2', 'grpc', 'opaque'])
      .default('auto')
      .describe(
        'What the service speaks. `auto` looks at the first bytes, `opaque` never does; declare ' +
          '`opaque` where the server speaks first. With `auto` and `http` requests keep their ' +
          'version; `http1`, `http2` and `grpc` are what the endpoints are spoken to in.',
      ),
    bind: listener
      .optional()
      .meta({ examples: ['127.0.0.1:15432'] })
      .describe('A port of its own on which applications reach this service, as `IP:port`.'),
    endpoints: endpointList
      .optional()
      .meta({ examples: [['10.0.0.5:8080']] })
      .describe('Addresses: `IP:port`, or mappings with `address`, `weight`, `zone`.'),
    file: z
      .string({ error: 'expected a path such as ./web.endpoints' })
      .min(1, { error: 'expected a path such as ./web.endpoints' })
      .refine((value) => !value.includes('\0'), { error: 'expected a path without NUL' })
      .optional()
      .meta({ examples: ['./web.endpoints'] })
      .describe('A watched file with endpoints, relative to the configuration file.'),
    dns: text('expected name:port such as users.internal:8080', isNameAndPort)
      .optional()
      .meta({ examples: ['users.internal:8080'] })
      .describe('A name whose A and AAAA records are followed, as `name:port`.'),
    srv: dnsNameText('_orders._tcp.internal')
      .optional()
      .meta({ examples: ['_orders._tcp.internal'] })
      .describe('A name whose SRV records are followed; priority and weight are honoured.'),
    join: z
      .literal(true, { error: 'expected true' })
      .optional()
      .meta({ examples: [true] })
      .describe(
        'Its endpoints are the processes that join under its name (`heddle run`). For `heddle up`.',
      ),
  },
  { error: 'expected a mapping with port and one of endpoints, file, dns, srv, join' },
);

const proxy = z.strictObject(
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
      'A PEM file of trust anchors. Empty: those whose digest the token pins.',
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
    inbound: listenerOrOff
      .optional()
      .meta({ examples: ['0.0.0.0:4143'] })
      .describe(
        'Where the mesh reaches the local application: `IP:port`, or `false`. ' +
          'Off without `inboundTo`, else 0.0.0.0:4143 when not given.',
      ),
    inboundTo: listenerOrOff
      .optional()
      .meta({ examples: ['127.0.0.1:8080'] })
      .describe('The local application that inbound traffic goes to, as `IP:port`.'),
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
    announceMs: milliseconds(
      5_000,
      'How long, when shutting down, connections are still accepted and told to close.',
      0,
    ),
    graceMs: milliseconds(30_000, 'How long a shutdown takes at the most, all of it inside.', 0),
    logLevel: oneOf(['off', 'error', 'warn', 'info', 'debug'])
      .default('info')
      .describe('The least important line that is logged.'),
    logFormat: oneOf(['plain', 'json']).default('plain').describe('How log lines look.'),
    accessLog: oneOf(['off', 'json', 'common'])
      .default('off')
      .describe('One line for each request, and in which form.'),
    adminShutdown: flag(false, 'Permits `POST /shutdown` on the admin port, from the loopback.'),
  },
  { error: 'expected a mapping of settings' },
);

const mesh = z.strictObject(
  {
    trustDomain: dnsNameText('mesh.local')
      .default('mesh.local')
      .describe('The name space of workload identities.'),
    spiffe: z
      .boolean({ error: 'expected true or false' })
      .default(false)
      .describe(
        'Whether certificates name their workload as `spiffe://` too, after the DNS name: ' +
          'for tools that look for it.',
      ),
    clusterDomain: dnsNameText('cluster.local')
      .default('cluster.local')
      .describe('The end of every full service name.'),
  },
  { error: 'expected a mapping with trustDomain, spiffe, clusterDomain' },
);

const laterPolicy = 'expected no policy yet; routes and policy objects come with a later release';

export const configSchema = z.strictObject(
  {
    mesh: mesh.prefault({}).describe('Names that hold for the whole mesh.'),
    services: z
      .record(z.string().regex(label, { error: labelError }), service, {
        error: 'expected a mapping from service names to services',
      })
      .default({})
      .describe('What the mesh knows, by name.'),
    manifests: z
      .string({ error: 'expected a path such as ./mesh.d' })
      .min(1, { error: 'expected a path such as ./mesh.d' })
      .refine((value) => !value.includes('\0'), { error: 'expected a path without NUL' })
      .optional()
      .meta({ examples: ['./mesh.d'] })
      .describe(
        'A watched folder of Kubernetes-style objects, relative to this file. For `heddle up`.',
      ),
    routes: z
      .array(z.never({ error: laterPolicy }), { error: 'expected an empty list' })
      .max(0, { error: laterPolicy })
      .default([])
      .describe('Only the empty list for now: policy comes with a later release.'),
    proxy: proxy.prefault({}).describe('Settings of the proxy process.'),
  },
  { error: 'expected a mapping with mesh, services, proxy' },
);

export type ConfigFile = z.output<typeof configSchema>;
export type EndpointEntry = z.output<typeof endpointList>[number];
