/**
 * Who asks: the text in which a proxy says what it runs beside, JSON such as
 * `{"ns":"demo","pod":"web-1"}`, or `ns:pod` as older ones write it. It proves nothing; it is where
 * short names are looked up first, and how a proxy is shown.
 */

import { workloadCharsMax } from '../../core/base/limits.ts';
import { isDnsLabel } from '../model/address.ts';

export interface Workload {
  readonly namespace: string;
  /** Empty where it says none. */
  readonly name: string;
}

/** Null when it is neither; who says nothing is of the namespace `default`. */
export function parseWorkload(text: string): Workload | null {
  if (text === '') return { namespace: defaultNamespace, name: '' };
  if (text.length > workloadCharsMax) return null;
  const workload = text.startsWith('{') ? parseJson(text) : parseOld(text);
  if (workload === null) return null;
  const { namespace = defaultNamespace, name = '' } = workload;
  return isDnsLabel(namespace) ? { namespace, name } : null;
}

function parseJson(text: string): Partial<Workload> | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const { ns, pod, external_workload: external } = value as Readonly<Record<string, unknown>>;
  const namespace = ns ?? undefined;
  const name = pod ?? external ?? undefined;
  return isOptionalText(namespace) && isOptionalText(name)
    ? { ...(namespace !== undefined && { namespace }), ...(name !== undefined && { name }) }
    : null;
}

/** The oldest form of all is `ns:namespace`, and says no more than that. */
function parseOld(text: string): Partial<Workload> | null {
  const [first, second, ...rest] = text.split(':');
  if (second === undefined || rest.length > 0) return null;
  return first === 'ns' ? { namespace: second } : { namespace: first, name: second };
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

const defaultNamespace = 'default';
