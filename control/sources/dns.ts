/**
 * Names as sources: A and AAAA records with a port of ours, and SRV records, which bring port,
 * priority and weight. The hosts file speaks first. When a name is asked again is `follow-name`'s.
 */

import type { ResolvedEndpoint } from '../../api/discovery.ts';
import type { Source, SourceListener } from '../model/source.ts';
import type { DnsClient } from './dns-client.ts';
import type { DnsReply, ServiceRecord } from './dns-message.ts';
import { type FollowNameEnv, followName, type NameOutcome } from './follow-name.ts';
import type { ResolverFiles } from './resolver-files.ts';

export interface DnsEnv extends FollowNameEnv {
  readonly client: DnsClient;
}

/** The addresses of one name, each with `port`. */
export function openDnsSource(
  name: string,
  port: number,
  env: DnsEnv,
  listener: SourceListener,
): Source {
  const resolve = createAddressLookup(name, env.client, env.files);
  const resolveOnce = async (): Promise<NameOutcome> => {
    const found = await resolve();
    if (found.kind !== 'addresses') return found;
    const endpoints = found.addresses.map((host) => ({ host, port, weight: 1, zone: '' }));
    return { kind: 'endpoints', endpoints, ttlMs: found.ttlMs, capped: found.capped };
  };
  return followName(name, resolveOnce, env, listener);
}

/** The SRV records of one name (RFC 2782): the group of the lowest priority that has addresses. */
export function openSrvSource(name: string, env: DnsEnv, listener: SourceListener): Source {
  let lookups = new Map<string, AddressLookup>();

  async function resolveOnce(): Promise<NameOutcome> {
    const [reply] = await env.client.lookUp(name, ['SRV']);
    if (reply.kind === 'empty') return { kind: 'failed', reason: 'it has no SRV records' };
    if (reply.kind !== 'records') return reply;
    if (reply.services.every(({ target }) => target === '.')) return { kind: 'absent' };
    const before = lookups;
    lookups = new Map();
    const find = (target: string): Promise<FoundAddresses> => {
      const lookup =
        lookups.get(target) ??
        before.get(target) ??
        createAddressLookup(target, env.client, env.files);
      lookups.set(target, lookup);
      return lookup(reply.additional.get(target));
    };
    let ttlMs = reply.ttlMs;
    for (const group of groupByPriority(reply.services)) {
      const found = await resolveGroup(group, find);
      ttlMs = Math.min(ttlMs, found.ttlMs);
      const { endpoints } = found;
      const capped = found.capped || reply.capped;
      if (endpoints.length > 0) return { kind: 'endpoints', endpoints, ttlMs, capped };
    }
    return { kind: 'failed', reason: 'none of its targets has an address' };
  }

  return followName(name, resolveOnce, env, listener);
}

type FoundAddresses =
  | {
      readonly kind: 'addresses';
      readonly addresses: readonly string[];
      readonly ttlMs: number;
      readonly capped: boolean;
    }
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'failed';
      readonly reason: string;
      readonly lastGood: readonly string[];
    };

/** `known` are addresses that came with another answer and need no query. */
type AddressLookup = (known?: readonly string[]) => Promise<FoundAddresses>;

/**
 * Looks up both families and keeps the last good addresses of each: a server that fails for one
 * of them takes nothing away.
 */
function createAddressLookup(name: string, client: DnsClient, files: ResolverFiles): AddressLookup {
  let good: readonly (readonly string[])[] = [[], []];

  return async (known = []) => {
    const inHosts = files.hostsOf(name);
    if (inHosts !== null) return found(inHosts, Number.POSITIVE_INFINITY, false);
    if (known.length > 0) {
      good = [known];
      return found(known, Number.POSITIVE_INFINITY, false);
    }
    const replies = await client.lookUp(name, ['A', 'AAAA']);
    if (replies.every(({ kind }) => kind === 'absent')) return { kind: 'absent' };
    const records = replies.filter((reply) => reply.kind === 'records');
    const failed = replies.find((reply) => reply.kind === 'failed');
    if (records.length === 0) {
      const reason = failed?.reason ?? 'it has no addresses';
      return { kind: 'failed', reason, lastGood: good.flat() };
    }
    good = replies.map((reply, family) => addressesOf(reply, good[family] ?? []));
    const ttlMs = Math.min(...records.map((reply) => reply.ttlMs));
    return found(
      good.flat().toSorted(),
      ttlMs,
      records.some(({ capped }) => capped),
    );
  };
}

function addressesOf(reply: DnsReply, lastGood: readonly string[]): readonly string[] {
  if (reply.kind === 'records') return reply.addresses;
  return reply.kind === 'failed' ? lastGood : [];
}

function found(addresses: readonly string[], ttlMs: number, capped: boolean): FoundAddresses {
  return { kind: 'addresses', addresses, ttlMs, capped };
}

function groupByPriority(services: readonly ServiceRecord[]): ServiceRecord[][] {
  const groups = Map.groupBy(
    services.filter(({ target }) => target !== '.'),
    ({ priority }) => priority,
  );
  return Array.from(groups)
    .toSorted(([a], [b]) => a - b)
    .map(([, group]) => group);
}

/** No endpoints when no target of the group has an address. */
async function resolveGroup(
  group: readonly ServiceRecord[],
  find: (target: string) => Promise<FoundAddresses>,
) {
  const allZero = group.every(({ weight }) => weight === 0);
  const results = await Promise.all(group.map(({ target }) => find(target)));
  const endpoints: ResolvedEndpoint[] = [];
  let ttlMs = Number.POSITIVE_INFINITY;
  let capped = false;
  for (const [index, result] of results.entries()) {
    if (result.kind === 'absent') continue;
    // A target that cannot be looked up keeps its addresses and is tried again soon.
    const addresses = result.kind === 'failed' ? result.lastGood : result.addresses;
    ttlMs = Math.min(ttlMs, result.kind === 'failed' ? retryTargetMs : result.ttlMs);
    capped ||= result.kind === 'addresses' && result.capped;
    const { port, weight } = group[index];
    const share = (allZero ? 1 : Math.max(weight, weightOfZero)) / addresses.length;
    for (const host of addresses) endpoints.push({ host, port, weight: share, zone: '' });
  }
  endpoints.sort((a, b) => compare(a.host, b.host) || a.port - b.port);
  return {
    endpoints: endpoints.slice(0, endpointsMax),
    ttlMs,
    capped: capped || endpoints.length > endpointsMax,
  };
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** "A very small chance" beside records with weights, as RFC 2782 asks. */
const weightOfZero = 0.1;
const endpointsMax = 1_000;
const retryTargetMs = 5_000;
