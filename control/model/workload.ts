/**
 * Who a proxy is for, as it tells control planes: JSON as in Linkerd's cluster, whose proxies are
 * given it ready-made. Keys that we do not know are passed by.
 */

/** Of a proxy that was not told who it is for. */
export const defaultWorkload = '{"ns":"default","pod":"proxy"}';

/** Its namespace; null when the text is no such JSON. The older form `ns:pod` is one as well. */
export function readNamespace(workload: string): string | null {
  return readField(workload, 'ns') ?? olderForm.exec(workload)?.[1] ?? null;
}

/** The pod, or whatever has its place; null when there is none. */
export function readPod(workload: string): string | null {
  const pod = readField(workload, 'pod') ?? readField(workload, 'external_workload');
  return pod ?? olderForm.exec(workload)?.[2] ?? null;
}

function readField(workload: string, name: string): string | null {
  if (workload.length > workloadCharsMax) return null;
  try {
    const value: unknown = (JSON.parse(workload) as Record<string, unknown> | null)?.[name];
    return typeof value === 'string' && label.test(value) ? value : null;
  } catch {
    return null;
  }
}

const workloadCharsMax = 4_096;
const label = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;
const olderForm = /^([a-z0-9-]{1,63}):([a-z0-9.-]{1,253})$/;
