/** Which kinds of objects a folder of manifests may have. */

import {
  interpretEgress,
  interpretPermission,
  interpretProfile,
  interpretRateLimit,
  interpretRoute,
  interpretServer,
} from './manifest-policies.ts';
import { interpretService, interpretSlice } from './manifest-services.ts';
import type { Interpret, Interpretation, ObjectHeader } from './manifest-shapes.ts';

/** `title` names the object in sentences, as `HTTPRoute demo/web`. */
export function interpretObject(header: ObjectHeader, title: string): Interpretation {
  const [group] = header.apiVersion.includes('/') ? header.apiVersion.split('/') : [''];
  const kind = kinds.get(`${group}/${header.kind}`);
  if (kind !== undefined) return kind(header, title);
  const reason = `expected a kind that is known, and ${header.apiVersion} has none of this name`;
  return { problems: [{ keys: ['kind'], reason }] };
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
