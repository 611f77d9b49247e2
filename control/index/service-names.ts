/**
 * Which service a name or a target key means. Pure: a table that is built once for each
 * configuration.
 *
 * `web` is `web.<own namespace>.svc.<cluster domain>`; `web.shop`, `web.shop.svc` and the full name
 * say the namespace. Case and a dot at the end do not matter. A short name means the caller's own
 * namespace and no other, as in Kubernetes.
 */

import type { Protocol } from '../../api/snapshot.ts';
import {
  canonicalIp,
  formatAddress,
  isDnsName,
  parseAddress,
  splitPort,
} from '../model/address.ts';
import type { LoadedConfig, ServiceConfig, ServicePort } from '../model/loaded-config.ts';
import type { SourceConfig } from '../model/source.ts';

/** What a key stands for, without its endpoints. */
export interface NamedTarget {
  readonly authority: string;
  readonly namespace: string;
  readonly service: string;
  readonly protocol: Protocol;
  readonly source: SourceConfig;
  /** Where the definition comes from, beside the source's own kind. */
  readonly origin: 'service' | 'passthrough' | 'static';
}

export interface ServiceNames {
  /** Null when the mesh knows nothing of this name. */
  find(key: string): NamedTarget | null;
}

interface QualifiedName {
  readonly name: string;
  readonly namespace: string;
}

/** The service that a lower-case name means, known or not; null when it has not such a form. */
export function qualifyName(
  text: string,
  ownNamespace: string,
  clusterDomain: string,
): QualifiedName | null {
  const [name, namespace = ownNamespace, svc = 'svc', ...domain] = withoutDot(text).split('.');
  const isOurs = domain.length === 0 || domain.join('.') === clusterDomain;
  return svc === 'svc' && isOurs ? { name, namespace } : null;
}

/** `web.default.svc.cluster.local:80` */
export function formatAuthority(service: ServicePort, clusterDomain: string): string {
  return `${service.name}.${service.namespace}.svc.${clusterDomain}:${service.port}`;
}

export function createServiceNames(config: LoadedConfig, ownNamespace: string): ServiceNames {
  const { clusterDomain } = config;
  const byName = new Map<string, (NamedTarget & { readonly port: number })[]>();
  const byAuthority = new Map<string, NamedTarget>();
  for (const service of config.services) {
    const target = targetOfService(service, clusterDomain);
    const key = `${service.name}.${service.namespace}`;
    byName.set(key, [...(byName.get(key) ?? []), target]);
    byAuthority.set(target.authority, target);
  }

  function portsOf(name: string) {
    const qualified = qualifyName(name, ownNamespace, clusterDomain);
    return qualified === null ? undefined : byName.get(`${qualified.name}.${qualified.namespace}`);
  }

  function findHost(value: string): NamedTarget | null {
    const split = splitPort(value.toLowerCase());
    if (split === null) return null;
    const port = split.port ?? httpPort;
    const targets = portsOf(split.name);
    if (targets === undefined) return passthrough(split.name, port);
    return targets.find((target) => target.port === port) ?? null;
  }

  function findServerName(value: string): NamedTarget | null {
    const name = value.toLowerCase();
    const targets = portsOf(name);
    if (targets === undefined) return passthrough(name, tlsPort);
    return targets.find(({ port }) => port === tlsPort) ?? targets[0];
  }

  function passthrough(name: string, port: number): NamedTarget | null {
    if (config.settings.passthrough !== 'allow' || port === 0) return null;
    const host = canonicalIp(name);
    if (host !== null) return fixedTarget({ host, port }, 'passthrough');
    if (!isDnsName(name)) return null;
    return {
      authority: `${withoutDot(name)}:${port}`,
      namespace: '',
      service: '',
      protocol: 'auto',
      source: { kind: 'dns', name, port },
      origin: 'passthrough',
    };
  }

  const addresses = createAddressNames(config);
  return {
    find(key) {
      const colon = key.indexOf(':');
      const value = key.slice(colon + 1);
      switch (key.slice(0, colon)) {
        case 'host':
          return findHost(value);
        case 'sni':
          return findServerName(value);
        case 'bind':
          return byAuthority.get(value) ?? null;
        case 'inbound':
          return addresses.findInbound(value);
        case 'addr':
          return addresses.findOutbound(value);
        default:
          return null;
      }
    },
  };
}

/** What the addresses of redirected connections mean. */
function createAddressNames(config: LoadedConfig) {
  const { inboundTo, inboundOpaquePorts } = config.settings;
  let byAddress: Map<string, NamedTarget> | null = null;
  return {
    /** What nobody knows goes on to where it was going. */
    findOutbound(value: string): NamedTarget | null {
      const address = parseAddress(value);
      if (address === null || address.port === 0) return null;
      byAddress ??= indexAddresses(config);
      return byAddress.get(formatAddress(address)) ?? fixedTarget(address, 'passthrough');
    },

    findInbound(value: string): NamedTarget | null {
      const address = value === '' ? inboundTo : parseAddress(value);
      if (address === null || address.port === 0) return null;
      const isOpaque = inboundOpaquePorts.some(
        ([from, to]) => from <= address.port && address.port <= to,
      );
      return { ...fixedTarget(address, 'static'), protocol: isOpaque ? 'opaque' : 'auto' };
    },
  };
}

/** Cluster IPs mean the service, an endpoint's address that one; of several the first counts. */
function indexAddresses({ services, clusterDomain }: LoadedConfig): Map<string, NamedTarget> {
  const byAddress = new Map<string, NamedTarget>();
  for (const service of services) {
    const { port, clusterIps = [] } = service;
    const target = targetOfService(service, clusterDomain);
    const found = clusterIps.map((host) => [formatAddress({ host, port }), target] as const);
    for (const [key, named] of [...found, ...endpointsOf(target)]) {
      if (!byAddress.has(key)) byAddress.set(key, named);
    }
  }
  return byAddress;
}

/** Each by itself: who dials one of several means that one. */
function endpointsOf(target: NamedTarget): (readonly [string, NamedTarget])[] {
  const { source } = target;
  if (source.kind !== 'inline') return [];
  return source.endpoints.map((endpoint) => {
    const alone = { kind: 'inline', endpoints: [endpoint] } as const;
    return [formatAddress(endpoint), { ...target, source: alone }];
  });
}

function targetOfService(service: ServiceConfig, clusterDomain: string) {
  const { name, namespace, port, protocol, source } = service;
  return {
    authority: formatAuthority(service, clusterDomain),
    namespace,
    service: name,
    protocol,
    source,
    port,
    origin: 'service',
  } as const;
}

function fixedTarget(
  address: { readonly host: string; readonly port: number },
  origin: 'passthrough' | 'static',
): NamedTarget {
  return {
    authority: formatAddress(address),
    namespace: '',
    service: '',
    protocol: 'auto',
    source: { kind: 'inline', endpoints: [{ ...address, weight: 1, zone: '' }] },
    origin,
  };
}

function withoutDot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

/** Where no port is named. */
export const httpPort = 80;
const tlsPort = 443;
