/** Several catalogs as one: who says what a service is, and what policy refuses. */

import type { Protocol } from '../../api/snapshot.ts';
import { formatAddress } from '../model/address.ts';
import type {
  Catalog,
  EgressRefusal,
  InboundRefusal,
  ObjectProblem,
  ServiceRefusal,
} from '../model/catalog.ts';
import type { ServiceConfig } from '../model/loaded-config.ts';
import type { SourceConfig } from '../model/source.ts';
import { formatAuthority } from './service-names.ts';

export interface MeshService {
  /** `web.default.svc.cluster.local:80` */
  readonly authority: string;
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** Why its traffic is refused, as a sentence; empty when it is not. */
  readonly refusal: string;
  readonly source: SourceConfig;
}

export interface MergedMesh {
  /** By authority. */
  readonly services: ReadonlyMap<string, MeshService>;
  /** By cluster IP and port. */
  readonly byAddress: ReadonlyMap<string, MeshService>;
  readonly inbound: readonly InboundRefusal[];
  readonly egress: readonly EgressRefusal[];
  /** Services that two catalogs have, and addresses that two services have. */
  readonly problems: readonly ObjectProblem[];
}

/** The first catalog that has a service says what it is; what any of them refuses is refused. */
export function mergeCatalogs(catalogs: readonly Catalog[], clusterDomain: string): MergedMesh {
  const refusals = catalogs.map((catalog) => catalog.refusals());
  const reasons = reasonsByService(refusals.flatMap(({ services }) => services));
  const services = new Map<string, MeshService>();
  const byAddress = new Map<string, MeshService>();
  const problems: ObjectProblem[] = [];
  /** Who has a service, by its name and namespace. */
  const owners = new Map<string, Owner>();
  for (const catalog of catalogs) {
    for (const config of catalog.services()) {
      const key = `${config.name}.${config.namespace}`;
      const owner = owners.get(key);
      if (owner !== undefined && owner.catalog !== catalog) {
        problems.push(...conflictOf(owner, catalog, config));
        continue;
      }
      if (owner === undefined) owners.set(key, { catalog, config });
      const service = toService(config, clusterDomain, reasons.get(key) ?? []);
      services.set(service.authority, service);
      for (const host of config.clusterIps ?? []) {
        const address = formatAddress({ host, port: config.port });
        const other = byAddress.get(address);
        if (other === undefined) byAddress.set(address, service);
        else problems.push(takenBy(other, catalog, config, address));
      }
    }
  }
  return {
    services,
    byAddress,
    inbound: refusals.flatMap(({ inbound }) => inbound),
    egress: refusals.flatMap(({ egress }) => egress),
    problems,
  };
}

interface Owner {
  readonly catalog: Catalog;
  readonly config: ServiceConfig;
}

function toService(
  config: ServiceConfig,
  clusterDomain: string,
  refusals: readonly ServiceRefusal[],
): MeshService {
  const { namespace, name, port, protocol, source } = config;
  const authority = formatAuthority(config, clusterDomain);
  const refusal = refusals.find((one) => one.port === null || one.port === port)?.reason ?? '';
  return { authority, namespace, name, port, protocol, refusal, source };
}

function takenBy(
  other: MeshService,
  catalog: Catalog,
  { namespace, name }: ServiceConfig,
  address: string,
): ObjectProblem {
  const object = `Service ${namespace}/${name} of ${catalog.kind}`;
  const reason = `${other.authority} has ${address} already, which counts; choose another address`;
  return { object, field: 'clusterIps', reason };
}

function reasonsByService(refusals: readonly ServiceRefusal[]): Map<string, ServiceRefusal[]> {
  const byService = new Map<string, ServiceRefusal[]>();
  for (const refusal of refusals) {
    const key = `${refusal.name}.${refusal.namespace}`;
    const known = byService.get(key);
    if (known === undefined) byService.set(key, [refusal]);
    else known.push(refusal);
  }
  return byService;
}

/** A service that the file opens to those who join is meant to be in both. */
function conflictOf(owner: Owner, catalog: Catalog, config: ServiceConfig): ObjectProblem[] {
  const { name, namespace, port, protocol } = config;
  const object = `Service ${namespace}/${name} of ${catalog.kind}`;
  const first = owner.config;
  if (first.source.kind !== catalog.kind) {
    const reason = `${owner.catalog.kind} has a service of this name, which counts; rename one`;
    return [{ object, field: '', reason }];
  }
  const differing = [
    ...(first.port === port ? [] : [['port', first.port, port] as const]),
    // Whoever says nothing of the protocol contradicts nobody.
    ...(first.protocol === protocol || protocol === 'auto'
      ? []
      : [['protocol', first.protocol, protocol] as const]),
  ];
  return differing.map(([field, counts, said]) => {
    const reason = `${owner.catalog.kind} says ${counts}, which counts, and not ${said}`;
    return { object, field, reason };
  });
}
