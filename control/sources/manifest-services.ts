/** Services and EndpointSlices of a folder of manifests: of each what we use is checked. */

import { z } from 'zod';
import type { Protocol } from '../../api/snapshot.ts';
import { canonicalIp } from '../model/address.ts';
import {
  by,
  dnsLabel,
  type FieldProblem,
  listMax,
  type ObjectHeader,
  portName,
  portNumber,
} from './manifest-shapes.ts';
import type { ManifestService, ManifestSlice } from './manifest-values.ts';
import { isOpaquePort, parsePortList } from './opaque-ports.ts';

const transport = z
  .enum(['TCP', 'UDP', 'SCTP'], { error: 'expected TCP, UDP or SCTP' })
  .default('TCP');

const clusterIp = z
  .string({ error: 'expected an IP address, or None' })
  .refine((text) => text === '' || text === 'None' || canonicalIp(text) !== null, {
    error: 'expected an IP address, or None',
  });

const specSchema = z.looseObject(
  {
    type: z
      .enum(['ClusterIP', 'NodePort', 'LoadBalancer'], {
        error: 'expected ClusterIP, NodePort or LoadBalancer; for a name use dns: in heddle.yaml',
      })
      .default('ClusterIP'),
    clusterIP: clusterIp.optional(),
    clusterIPs: z
      .array(clusterIp, { error: 'expected a list of addresses' })
      .max(2, { error: 'expected at most two, one of each version of IP' })
      .optional(),
    ports: z
      .array(
        z.looseObject(
          {
            name: portName.optional(),
            port: portNumber,
            targetPort: z
              .union([portNumber, portName], { error: 'expected a port or the name of one' })
              .optional(),
            protocol: transport,
            appProtocol: z.string({ error: 'expected a text such as http' }).optional(),
          },
          { error: 'expected a mapping with port' },
        ),
        { error: 'expected a list of ports' },
      )
      .min(1, { error: 'expected at least one port' })
      .max(listMax, { error: `expected at most ${listMax} ports` }),
  },
  { error: 'expected a mapping with ports' },
);

const serviceSchema = z.looseObject({
  metadata: z.looseObject({
    name: dnsLabel,
  }),
  spec: specSchema,
});

function toService(
  { metadata, spec }: z.output<typeof serviceSchema>,
  { metadata: { namespace, annotations } }: ObjectHeader,
): ManifestService | FieldProblem {
  const text = annotations[opaqueAnnotation];
  const opaque = text === undefined ? null : parsePortList(text);
  if (text !== undefined && opaque === null) {
    const keys = ['metadata', 'annotations', opaqueAnnotation];
    return { keys, reason: 'expected ports such as 3306,5000-5010' };
  }
  const tcp = spec.ports.filter(({ protocol }) => protocol === 'TCP');
  const repeat = findRepeat(spec.ports);
  if (repeat !== null) return repeat;
  const ports = tcp.map(({ name = '', port, appProtocol }) => {
    const isOpaque = isOpaquePort(opaque, { name, port, isDeclared: appProtocol !== undefined });
    const protocol = isOpaque ? 'opaque' : (appProtocols[appProtocol ?? ''] ?? 'auto');
    return { name, port, protocol };
  });
  return { kind: 'service', namespace, name: metadata.name, clusterIps: clusterIpsOf(spec), ports };
}

/** The first of the list is the single one, or the list is missing; a headless service has none. */
function clusterIpsOf({ clusterIP = '', clusterIPs = [] }: z.output<typeof specSchema>): string[] {
  const all = clusterIPs.length > 0 ? clusterIPs : [clusterIP];
  return all.flatMap((text) => canonicalIp(text) ?? []);
}

/** A port's name and number tell it apart from the others of its transport. */
function findRepeat(ports: z.output<typeof serviceSchema>['spec']['ports']): FieldProblem | null {
  const seen = new Set<string>();
  for (const [at, { name = '', port, protocol }] of ports.entries()) {
    if (seen.size === seen.add(`name ${name}`).size) {
      const reason = 'expected a name of its own, as there are several ports';
      return { keys: ['spec', 'ports', at, 'name'], reason };
    }
    if (seen.size === seen.add(`${protocol} ${port}`).size) {
      const reason = 'expected a port that is not there yet';
      return { keys: ['spec', 'ports', at, 'port'], reason };
    }
  }
  return null;
}

const sliceSchema = z.looseObject({
  metadata: z.looseObject({
    labels: z.looseObject(
      {
        'kubernetes.io/service-name': dnsLabel,
      },
      { error: 'expected the label kubernetes.io/service-name' },
    ),
  }),
  addressType: z.enum(['IPv4', 'IPv6'], { error: 'expected IPv4 or IPv6' }),
  endpoints: z
    .array(
      z.looseObject(
        {
          addresses: z
            .array(
              z
                .string({ error: 'expected an IP address' })
                .refine((text) => canonicalIp(text) !== null, { error: 'expected an IP address' }),
              { error: 'expected a list of IP addresses' },
            )
            .min(1, { error: 'expected at least one address' })
            .max(100, { error: 'expected at most 100 addresses' }),
          conditions: z
            .looseObject({ ready: z.boolean({ error: 'expected true or false' }).nullish() })
            .nullish(),
          zone: z
            .string({ error: 'expected a text' })
            .max(253, { error: 'expected at most 253 characters' })
            .nullish(),
        },
        { error: 'expected a mapping with addresses' },
      ),
      { error: 'expected a list of endpoints' },
    )
    .max(1_000, { error: 'expected at most 1000 endpoints; use several slices' })
    .nullish(),
  ports: z
    .array(
      z.looseObject(
        { name: portName.or(z.literal('')).nullish(), port: portNumber, protocol: transport },
        { error: 'expected a mapping with port' },
      ),
      { error: 'expected a list of ports' },
    )
    .max(listMax, { error: `expected at most ${listMax} ports` })
    .nullish(),
});

function toSlice(
  { metadata, endpoints, ports }: z.output<typeof sliceSchema>,
  header: ObjectHeader,
): ManifestSlice {
  return {
    kind: 'slice',
    namespace: header.metadata.namespace,
    service: metadata.labels['kubernetes.io/service-name'],
    ports: (ports ?? [])
      .filter(({ protocol }) => protocol === 'TCP')
      .map(({ name, port }) => ({ name: name ?? '', port })),
    // Without a word on it an endpoint is ready.
    endpoints: (endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses, zone }) =>
        addresses.map((address) => ({ host: canonicalIp(address) ?? '', zone: zone ?? '' })),
      ),
  };
}

const appProtocols: Readonly<Record<string, Protocol | undefined>> = {
  http: 'http1',
  http2: 'http2',
  'kubernetes.io/h2c': 'http2',
  grpc: 'grpc',
  'kubernetes.io/grpc': 'grpc',
  'linkerd.io/opaque': 'opaque',
  'linkerd.io/tcp': 'opaque',
};

const opaqueAnnotation = 'config.linkerd.io/opaque-ports';

export const interpretService = by(serviceSchema, toService);
export const interpretSlice = by(sliceSchema, toSlice);
