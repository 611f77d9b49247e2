/**
 * Policy objects of a folder of manifests. They have no effect yet, so of each only what it is
 * about is read, and that is refused: nothing is allowed because it is not understood.
 */

import { z } from 'zod';
import { type InboundRefusal, noRefusals, type ServiceRefusal } from '../model/catalog.ts';
import { by, listMax, type ObjectHeader, portName, portNumber } from './manifest-shapes.ts';
import type { ManifestPolicy } from './manifest-values.ts';

const parentsSchema = z.looseObject({
  spec: z.looseObject(
    {
      parentRefs: z
        .array(
          z.looseObject({
            group: z.string().optional(),
            kind: z.string().default('Gateway'),
            name: z.string({ error: 'expected a name' }),
            namespace: z.string({ error: 'expected a namespace' }).optional(),
            port: portNumber.optional(),
          }),
          { error: 'expected a list of parents' },
        )
        .max(listMax, { error: `expected at most ${listMax} parents` })
        .default([]),
    },
    { error: 'expected a mapping with parentRefs' },
  ),
});

function toRoute(
  { spec }: z.output<typeof parentsSchema>,
  { metadata }: ObjectHeader,
  title: string,
): ManifestPolicy {
  const services: ServiceRefusal[] = [];
  const servers: string[] = [];
  for (const { kind, name, namespace = metadata.namespace, port = null } of spec.parentRefs) {
    if (kind === 'Service') services.push({ namespace, name, port, reason: withoutEffect(title) });
    else if (kind === 'Server') servers.push(`${namespace}/${name}`);
  }
  return { kind: 'policy', refusals: { ...noRefusals, services }, server: null, servers };
}

function toProfile(_object: unknown, { metadata }: ObjectHeader, title: string) {
  const [name, namespace, svc] = metadata.name.split('.');
  if (namespace === undefined || svc !== 'svc') {
    return { keys: ['metadata', 'name'], reason: 'expected the full name of a service' };
  }
  const services = [{ namespace, name, port: null, reason: withoutEffect(title) }];
  const refusals = { ...noRefusals, services };
  return { kind: 'policy', refusals, server: null, servers: [] } as const;
}

const serverSchema = z.looseObject({
  spec: z.looseObject(
    {
      port: z.union([portNumber, portName], { error: 'expected a port or the name of one' }),
      proxyProtocol: z.string({ error: 'expected a text' }).default('unknown'),
      accessPolicy: z.string({ error: 'expected a text' }).default('deny'),
    },
    { error: 'expected a mapping with port' },
  ),
});

/** One that lets everybody in, whatever they speak, is what holds without it. */
function toServer(
  { spec }: z.output<typeof serverSchema>,
  { metadata }: ObjectHeader,
  title: string,
): ManifestPolicy {
  const port = typeof spec.port === 'number' ? spec.port : null;
  const refusal: InboundRefusal = {
    namespace: metadata.namespace,
    port,
    reason: withoutEffect(title),
  };
  const letsAllIn = spec.accessPolicy === 'all-unauthenticated' && spec.proxyProtocol === 'unknown';
  return {
    kind: 'policy',
    refusals: letsAllIn ? noRefusals : { ...noRefusals, inbound: [refusal] },
    server: { name: metadata.name, refusal },
    servers: [],
  };
}

const rateLimitSchema = z.looseObject({
  spec: z.looseObject(
    { targetRef: z.looseObject({ name: z.string({ error: 'expected a name' }) }) },
    { error: 'expected a mapping with targetRef' },
  ),
});

function toRateLimit(
  { spec }: z.output<typeof rateLimitSchema>,
  { metadata }: ObjectHeader,
): ManifestPolicy {
  const servers = [`${metadata.namespace}/${spec.targetRef.name}`];
  return { kind: 'policy', refusals: noRefusals, server: null, servers };
}

const egressSchema = z.looseObject({
  spec: z.looseObject(
    { trafficPolicy: z.enum(['Allow', 'Deny'], { error: 'expected Allow or Deny' }) },
    { error: 'expected a mapping with trafficPolicy' },
  ),
});

function toEgress(
  { spec }: z.output<typeof egressSchema>,
  { metadata }: ObjectHeader,
  title: string,
): ManifestPolicy {
  const isGlobal = metadata.namespace === 'linkerd-egress';
  const namespace = isGlobal ? null : metadata.namespace;
  const egress = [{ namespace, reason: withoutEffect(title) }];
  const refusals = spec.trafficPolicy === 'Allow' ? noRefusals : { ...noRefusals, egress };
  return { kind: 'policy', refusals, server: null, servers: [] };
}

/** Who is let in beside a Server's nobody: without effect it stays nobody. */
function toPermission(): ManifestPolicy {
  return { kind: 'policy', refusals: noRefusals, server: null, servers: [] };
}

function withoutEffect(title: string): string {
  return `${title} has no effect in this version, so what it is about is refused; remove it`;
}

const anything = z.looseObject({});

export const interpretRoute = by(parentsSchema, toRoute);
export const interpretProfile = by(anything, toProfile);
export const interpretServer = by(serverSchema, toServer);
export const interpretRateLimit = by(rateLimitSchema, toRateLimit);
export const interpretEgress = by(egressSchema, toEgress);
export const interpretPermission = by(anything, toPermission);
