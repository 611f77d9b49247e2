/** The names that our issuer certifies, and what of them is a service account and a namespace. */

import { nameCharsMax } from '../../core/base/limits.ts';

export interface WorkloadName {
  readonly serviceAccount: string;
  readonly namespace: string;
}

/** Linkerd's form, with our control namespace. */
export function workloadIdentity(
  { serviceAccount, namespace }: WorkloadName,
  trustDomain: string,
): string {
  return `${serviceAccount}.${namespace}.${middle}.${trustDomain}`;
}

/** Of the control plane itself. */
export function controlIdentity(trustDomain: string): string {
  const own = { serviceAccount: 'heddle-control', namespace: controlNamespace };
  return workloadIdentity(own, trustDomain);
}

/** Null when it is no name of a workload of this trust domain, in the one way that we write it. */
export function parseWorkloadIdentity(identity: string, trustDomain: string): WorkloadName | null {
  const end = `.${middle}.${trustDomain}`;
  if (identity.length > nameCharsMax || !identity.endsWith(end)) return null;
  const parts = shape.exec(identity.slice(0, -end.length));
  return parts === null ? null : { serviceAccount: parts[1], namespace: parts[2] };
}

/** The same workload as tools that know SPIFFE name it. */
export function spiffeId({ serviceAccount, namespace }: WorkloadName, trustDomain: string): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

const controlNamespace = 'heddle';
const middle = `serviceaccount.identity.${controlNamespace}`;
const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
/** A service account's name may have dots, as in Kubernetes. */
const shape = new RegExp(`^(${label}(?:\\.${label})*)\\.(${label})$`);
