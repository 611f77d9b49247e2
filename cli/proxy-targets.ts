/** Targets and watches of a proxy as its admin port shows them, read with care. */

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
  /** Why its traffic is refused although it is known; empty when it is not. */
  readonly refusal: string;
  readonly version: string;
  readonly endpoints: readonly ResolvedEndpoint[];
}

/** A stream from a control plane that one of its targets needs. */
export interface ProxyWatch {
  readonly key: string;
  readonly api: string;
  readonly phase: string;
  readonly ageMs: number | null;
  readonly error: string;
}

/** Rejects with a sentence when the admin port does not answer with targets. */
export async function readProxyTargets(admin: string): Promise<ProxyTarget[]> {
  return (await readList(admin, '/endpoints', 'targets')).map(readTarget);
}

/** Likewise; a proxy with a configuration file of its own has none. */
export async function readProxyWatches(admin: string): Promise<ProxyWatch[]> {
  return (await readList(admin, '/watches', 'watches')).map((fields) => ({
    key: textOf(fields.key),
    api: textOf(fields.api),
    phase: textOf(fields.phase),
    ageMs: numberOf(fields.ageMs),
    error: textOf(fields.error),
  }));
}

async function readList(admin: string, path: string, name: string): Promise<Fields[]> {
  const { status, body } = await askAdmin(admin, path);
  const where = `http://${admin}${path}`;
  if (status === 403) throw new Error(`${where}: shown on the proxy's own host only; ask there`);
  if (status !== 200) throw new Error(`${where}: answered ${status}`);
  const list = parse(body)[name];
  if (!Array.isArray(list)) {
    throw new Error(`${where}: no list of ${name}; is it a proxy's admin port?`);
  }
  return list.map(asRecord);
}

function parse(text: string): Fields {
  try {
    return asRecord(JSON.parse(text));
  } catch {
    return {};
  }
}

type Fields = Readonly<Record<string, unknown>>;

function readTarget(fields: Fields): ProxyTarget {
  const list: unknown[] = Array.isArray(fields.endpoints) ? fields.endpoints : [];
  const endpoints = list.flatMap((one) => readEndpoint(asRecord(one)));
  const version = textOf(fields.version);
  return {
    target: textOf(fields.target),
    authority: textOf(fields.authority),
    state: textOf(fields.state),
    source: textOf(fields.source),
    location: textOf(fields.location),
    ageMs: numberOf(fields.ageMs),
    error: textOf(fields.error),
    refusal: textOf(fields.refusal),
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

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
