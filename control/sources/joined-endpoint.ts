/** What a process that has joined is as an endpoint, and who its proxy proves to be. Pure. */

import type { ResolvedEndpoint } from '../../api/discovery.ts';
import type { Protocol } from '../../api/snapshot.ts';
import { workloadIdentity } from '../issuer/identity-name.ts';
import { meshedTraits } from '../model/meshed-traits.ts';
import type { Registration } from '../model/registration.ts';

export function joinedEndpoint(
  registration: Registration,
  protocol: Protocol,
  trustDomain: string,
): ResolvedEndpoint {
  const { host, port, weight, zone, inboundPort = 0 } = registration;
  if (inboundPort === 0) return { host, port, weight, zone };
  const identity = joinedIdentity(registration, trustDomain);
  const traits = meshedTraits(identity, inboundPort, protocol);
  return { host, port, weight, zone, traits };
}

/** A service is the service account of its processes; empty where there is no proxy to prove it. */
export function joinedIdentity(
  { service, namespace, inboundPort = 0 }: Registration,
  trustDomain: string,
): string {
  return inboundPort === 0
    ? ''
    : workloadIdentity({ serviceAccount: service, namespace }, trustDomain);
}
