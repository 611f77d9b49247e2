/** The targets of a proxy as its admin port shows them at `/endpoints`, read with care. */

import type { ResolvedEndpoint } from '../api/discovery.ts';
import { endpointSetVersion } from '../api/endpoint-set.ts';
import { parseAddress } from '../control/model/address.ts';
import { askAdmin } from './admin-client.ts';

export interface ProxyTarget {
  readonly target: string;
  /** Empty while the proxy knows nothing of it. */
  readonly authority: string;
  readonly state: string;
  readonly source: string;
  readonly location: string;
  readonly ageMs: number | null;
  readonly error: string;
  readonly version: string;
  readonly endpoints: readonly ResolvedEndpoint[];
}

/** Rejects with a sentence when the admin port does not answer with targets. */
export async function readProxyTargets(admin: string): Promise<ProxyTarget[]> {
  const { status, body } = await askAdmin(admin, '/endpoints');
  const where = `http://${admin}/endpoints`;
  if (status === 403) throw new Error(`${where}: shown on the proxy's own host only; ask there`);
  if (status !== 200) throw new Error(`${where}: answered ${status}`);
  const targets = parseTargets(body);
  if (targets === null)
    throw new Error(`${where}: no list of targets; is it a proxy's admin port?`);
  return targets;
}

/** Null when the text is something else. What is missing of a target is empty. */
function parseTargets(text: string): ProxyTarget[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const { targets } = asRecord(value);
  return Array.isArray(targets) ? targets.map((one) => readTarget(asRecord(one))) : null;
}

type Fields = Readonly<Record<string, unknown>>;

function readTarget(fields: Fields): ProxyTarget {
  const list = Array.isArray(fields.endpoints) ? fields.endpoints : [];
  const endpoints = list.flatMap((one) => readEndpoint(asRecord(one)));
  const version = textOf(fields.version);
  return {
    target: textOf(fields.target),
    authority: textOf(fields.authority),
    state: textOf(fields.state),
    source: textOf(fields.source),
    location: textOf(fields.location),
    ageMs: typeof fields.ageMs === 'number' ? fields.ageMs : null,
    error: textOf(fields.error),
    // A proxy of an earlier version does not say it.
    version: version === '' ? endpointSetVersion(endpoints) : version,
    endpoints,
  };
}

function readEndpoint({ address, weight, zone }: Fields): ResolvedEndpoint[] {
  const parsed = parseAddress(textOf(address));
  if (parsed === null || typeof weight !== 'number') return [];
  return [{ ...parsed, weight, zone: textOf(zone) }];
}

function asRecord(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
