/** Which kinds of objects a folder of manifests may have. */

import { nearestName } from '../../core/base/near-name.ts';
import {
  interpretEgress,
  interpretPermission,
  interpretProfile,
  interpretRateLimit,
  interpretRoute,
  interpretServer,
} from './manifest-policies.ts';
import { interpretService, interpretSlice } from './manifest-services.ts';
import type { FieldProblem, Interpret, Interpretation, ObjectHeader } from './manifest-shapes.ts';

/** `title` names the object in sentences, as `HTTPRoute demo/web`. */
export function interpretObject(header: ObjectHeader, title: string): Interpretation {
  const [group] = header.apiVersion.includes('/') ? header.apiVersion.split('/') : [''];
  const kind = kinds.get(`${group}/${header.kind}`);
  if (kind !== undefined) return kind(header, title);
  return { problems: [refuseKind(header)] };
}

/** The group is wrong where another one has the kind; else the kind is. */
function refuseKind({ apiVersion, kind }: ObjectHeader): FieldProblem {
  const groups = Array.from(kinds.keys(), (key) => key.split('/'));
  const owners = groups.flatMap(([group, name]) => (name === kind ? [group] : []));
  if (owners.length > 0) {
    const expected = owners.map((group) => (group === '' ? 'v1' : `${group}/...`)).join(' or ');
    return { keys: ['apiVersion'], reason: `expected ${expected} for this kind` };
  }
  const names = groups.map(([, name]) => name);
  const near = nearestName(kind, names, Math.min(2, kind.length / 3));
  const reason = `expected a kind that is known, and ${apiVersion} has none of this name`;
  const hint = near === null ? '' : `; did you mean ${near}?`;
  return { keys: ['kind'], reason: `${reason}${hint}` };
}

/** By group and kind. */
const kinds: ReadonlyMap<string, Interpret> = new Map([
  ['/Service', interpretService],
  ['discovery.k8s.io/EndpointSlice', interpretSlice],
  ['gateway.networking.k8s.io/HTTPRoute', interpretRoute],
  ['gateway.networking.k8s.io/GRPCRoute', interpretRoute],
  ['gateway.networking.k8s.io/TLSRoute', interpretRoute],
  ['gateway.networking.k8s.io/TCPRoute', interpretRoute],
  ['policy.linkerd.io/HTTPRoute', interpretRoute],
  ['policy.linkerd.io/Server', interpretServer],
  ['policy.linkerd.io/HTTPLocalRateLimitPolicy', interpretRateLimit],
  ['policy.linkerd.io/EgressNetwork', interpretEgress],
  ['policy.linkerd.io/AuthorizationPolicy', interpretPermission],
  ['policy.linkerd.io/ServerAuthorization', interpretPermission],
  ['policy.linkerd.io/MeshTLSAuthentication', interpretPermission],
  ['policy.linkerd.io/NetworkAuthentication', interpretPermission],
  ['linkerd.io/ServiceProfile', interpretProfile],
]);
