/** Names in requests: which of them are names at all, and what is said of those that are not. */

import { nameCharsMax } from '../../core/base/limits.ts';
import { Code, type Status } from '../../core/grpc/status.ts';
import type { FoundService } from '../index/mesh-index.ts';
import { canonicalIp, isDnsName, splitPort } from '../model/address.ts';
import { readNamespace } from '../model/workload.ts';

/** `web`, `web.demo.svc.cluster.local:80` or `10.0.0.1:80`. */
interface AskedName {
  readonly text: string;
  readonly isIp: boolean;
}

/** Null when it is neither a name nor an address. */
export function parseName(text: string): AskedName | null {
  if (text.length > nameCharsMax + portChars) return null;
  const split = splitPort(text);
  if (split === null || split.port === 0) return null;
  const isIp = canonicalIp(split.name.toLowerCase()) !== null;
  return isIp || isDnsName(split.name) ? { text, isIp } : null;
}

/** Where its client is; null when what it says of that cannot be read. */
export function callerNamespace(workload: string): string | null {
  return workload === '' ? defaultNamespace : readNamespace(workload);
}

export const badName: Status = {
  code: Code.INVALID_ARGUMENT,
  message: 'expected a name such as web.demo.svc.cluster.local:80',
};

/** Of a name that is no service's, what its asker is told. */
export function absenceOf(
  { kind }: Exclude<FoundService, { readonly kind: 'service' }>,
  name: string,
): Status {
  if (kind === 'unknown') return { code: Code.NOT_FOUND, message: `No such service: ${name}` };
  const message = `${name} is not known yet; this control plane has just started, ask again`;
  return { code: Code.UNAVAILABLE, message };
}

export const defaultNamespace = 'default';
/** A colon and five digits, and the brackets of an address. */
const portChars = 8;
