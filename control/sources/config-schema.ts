/**
 * The shape of `heddle.yaml`, key by key: types, bounds, defaults and what each key is for. The
 * JSON Schema and the tables of docs/CONFIG.md are generated from here. What needs more than one
 * key to judge is in `config-rules.ts`. Only the load process and tools import this file, because
 * zod is not to stay in a sidecar.
 *
 * Every message reads `expected …`, with a remedy behind a semicolon where one is known.
 */

import { z } from 'zod';
import { isDnsIdentity } from '../../core/identity/names.ts';
import { canonicalIp, isDnsName, parseAddress, splitPort } from '../model/address.ts';
import { listener, oneOf, text, whole } from './config-schema-parts.ts';
import { proxySchema } from './config-schema-proxy.ts';

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
    identity: text(
      'expected the whole name of an identity',
      (value) => value === '' || isDnsIdentity(value),
    )
      .default('')
      .describe(
        'Who its proxy proves to be, where it has one that has not joined: a proxy of ' +
          'Linkerd, for instance. It is then spoken to in mutual TLS alone.',
      ),
    inboundPort: whole(0, 65535)
      .default(0)
      .describe('Where that proxy takes any protocol behind a transport header; 0: nowhere.'),
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
    clusterIps: z
      .array(
        text('expected an IP address', (value) => canonicalIp(value) !== null),
        { error: 'expected a list of IP addresses' },
      )
      .max(2, { error: 'expected at most two, one of each version of IP' })
      .optional()
      .meta({ examples: [['10.96.0.10']] })
      .describe(
        'Addresses that no host has and that stand for the service: a redirected connection to ' +
          'one of them, at the port of the service, goes to its endpoints.',
      ),
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
      .default([])
      .describe('Only the empty list for now: policy comes with a later release.'),
    proxy: proxySchema.prefault({}).describe('Settings of the proxy process.'),
  },
  { error: 'expected a mapping with mesh, services, proxy' },
);

export type ConfigFile = z.output<typeof configSchema>;
export type EndpointEntry = z.output<typeof endpointList>[number];
