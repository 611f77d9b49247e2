/** All objects of a folder of manifests together: services, their slices, and what is refused. */

import type { ObjectProblem, PolicyRefusals } from '../model/catalog.ts';
import { noRefusals } from '../model/catalog.ts';
import type { ServiceConfig, ServicePort } from '../model/loaded-config.ts';
import type { ManifestPolicy, ManifestService, ManifestValue } from './manifest-values.ts';
import type { ParsedManifests } from './parse-manifests.ts';

export interface MergedManifests {
  readonly services: readonly ServiceConfig[];
  readonly refusals: PolicyRefusals;
  readonly problems: readonly ObjectProblem[];
  /** Objects that count. */
  readonly objects: number;
  /** The service and its slices, the same values while they have not changed. */
  partsOf(service: ServicePort): readonly ManifestValue[];
  /** By their keys. */
  readonly values: ReadonlyMap<string, ManifestValue>;
}

export const noManifests: MergedManifests = {
  services: [],
  refusals: noRefusals,
  problems: [],
  objects: 0,
  partsOf: () => [],
  values: new Map(),
};

/** Of an object that is wrong now, what `before` has of it stays. */
export function mergeManifests(
  files: readonly ParsedManifests[],
  before: MergedManifests,
  objectsMax: number,
): MergedManifests {
  const problems: ObjectProblem[] = files.flatMap((file) => file.problems);
  const values = new Map<string, ManifestValue>();
  const places = new Map<string, string>();
  for (const { key, place, value } of files.flatMap((file) => file.objects)) {
    const other = places.get(key);
    if (other !== undefined) {
      problems.push({ object: place, field: '', reason: `it is there already: ${other}` });
      continue;
    }
    if (places.size >= objectsMax) {
      problems.push({ object: place, field: '', reason: `more than ${objectsMax} objects` });
      break;
    }
    places.set(key, place);
    const good = value ?? before.values.get(key);
    if (good !== undefined) values.set(key, good);
  }
  const parts = partsByService(values);
  const services = Array.from(values.values()).flatMap((value) =>
    value.kind === 'service' ? toConfigs(value) : [],
  );
  return {
    services,
    refusals: refusalsOf(values),
    problems,
    objects: values.size,
    partsOf: ({ namespace, name }) => parts.get(`${namespace}/${name}`) ?? [],
    values,
  };
}

function partsByService(values: ReadonlyMap<string, ManifestValue>): Map<string, ManifestValue[]> {
  const parts = new Map<string, ManifestValue[]>();
  const add = (key: string, value: ManifestValue, isFirst: boolean): void => {
    const known = parts.get(key) ?? [];
    if (isFirst) known.unshift(value);
    else known.push(value);
    parts.set(key, known);
  };
  for (const value of values.values()) {
    const { kind } = value;
    if (kind === 'service') add(`${value.namespace}/${value.name}`, value, true);
    else if (kind === 'slice') add(`${value.namespace}/${value.service}`, value, false);
  }
  return parts;
}

function toConfigs({ namespace, name, clusterIps, ports }: ManifestService): ServiceConfig[] {
  return ports.map(({ port, protocol }) => {
    const source = { kind: 'manifests', namespace, name, port } as const;
    return { name, namespace, port, protocol, clusterIps, source };
  });
}

/** A Server that lets everybody in is refused too where another policy asks more of it. */
function refusalsOf(values: ReadonlyMap<string, ManifestValue>): PolicyRefusals {
  const policies = Array.from(values.values()).filter((value) => value.kind === 'policy');
  const asked = new Set(policies.flatMap(({ servers }) => servers));
  const isAsked = ({ server }: ManifestPolicy): boolean =>
    server !== null && asked.has(`${server.refusal.namespace}/${server.name}`);
  return {
    services: policies.flatMap(({ refusals }) => refusals.services),
    inbound: policies.flatMap((policy) =>
      policy.server !== null && isAsked(policy) ? [policy.server.refusal] : policy.refusals.inbound,
    ),
    egress: policies.flatMap(({ refusals }) => refusals.egress),
  };
}
