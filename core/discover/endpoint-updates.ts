/**
 * The endpoints of a name as a stream of changes tells them. A message is taken whole or not at
 * all, and costs what it changes.
 */

import type { ResolvedEndpoint } from '../../api/discovery.ts';
import type { AddrSet, Update, WeightedAddrSet } from '../../api/gen/proxy/destination.ts';
import { endpointsMax } from '../base/limits.ts';
import { readAddress } from './address-text.ts';
import { readEndpoint, sameEndpoint } from './read-endpoint.ts';

/** What became of a message; a refusal is a sentence. */
type Outcome = 'changed' | 'same' | { readonly refusal: string };

export class EndpointUpdates {
  /** Null before the first word; empty when the control plane said so. */
  endpoints: readonly ResolvedEndpoint[] | null = null;
  namespace = '';
  service = '';
  /** The control plane says that there is no such name. */
  gone = false;

  #byAddress = new Map<string, ResolvedEndpoint>();
  /** A stream has begun and not told its set yet: what is held is of an older one. */
  #stale = true;

  /** A new stream: its first set takes the place of all. */
  beginStream(): void {
    this.#stale = true;
  }

  apply({ update }: Update): Outcome {
    switch (update?.kind) {
      case 'add':
        return this.#add(update.value);
      case 'remove':
        return this.#remove(update.value);
      case 'noEndpoints':
        return update.value.exists ? this.#empty(false) : this.#empty(true);
      default:
        return 'same';
    }
  }

  #add(told: WeightedAddrSet): Outcome {
    const added = new Map<string, ResolvedEndpoint>();
    for (const one of told.addrs) {
      const endpoint = readEndpoint(one);
      if (endpoint === null) return { refusal: 'an endpoint has no address or no port' };
      const key = keyOf(endpoint);
      const before = added.size;
      if (added.set(key, endpoint).size === before) return { refusal: `${key} is there twice` };
    }
    const count = this.#countWith(added);
    if (count > endpointsMax)
      return { refusal: `${count} endpoints are more than ${endpointsMax}` };
    this.namespace = told.metricLabels.get('namespace') ?? this.namespace;
    this.service = told.metricLabels.get('service') ?? this.service;
    const wasGone = this.gone;
    this.gone = false;
    const changed = this.#stale ? this.#replace(added) : this.#merge(added);
    return changed || wasGone ? 'changed' : 'same';
  }

  #countWith(added: ReadonlyMap<string, ResolvedEndpoint>): number {
    if (this.#stale) return added.size;
    let count = this.#byAddress.size;
    for (const key of added.keys()) if (!this.#byAddress.has(key)) count += 1;
    return count;
  }

  /** What did not change stays the same object, for whoever compares, and for memory. */
  #replace(all: Map<string, ResolvedEndpoint>): boolean {
    this.#stale = false;
    let changed = this.endpoints === null || all.size !== this.#byAddress.size;
    for (const [key, endpoint] of all) {
      const held = this.#byAddress.get(key);
      if (held !== undefined && sameEndpoint(held, endpoint)) all.set(key, held);
      else changed = true;
    }
    if (!changed) return false;
    this.#byAddress = all;
    this.endpoints = [...all.values()];
    return true;
  }

  #merge(added: ReadonlyMap<string, ResolvedEndpoint>): boolean {
    let changed = false;
    for (const [key, endpoint] of added) {
      const held = this.#byAddress.get(key);
      if (held !== undefined && sameEndpoint(held, endpoint)) continue;
      this.#byAddress.set(key, endpoint);
      changed = true;
    }
    if (changed) this.endpoints = [...this.#byAddress.values()];
    return changed;
  }

  #remove(told: AddrSet): Outcome {
    // Of a set that this stream has not told yet.
    if (this.#stale) return 'same';
    const keys: string[] = [];
    for (const one of told.addrs) {
      const address = readAddress(one);
      if (address === null) return { refusal: 'an address to remove is none' };
      keys.push(keyOf(address));
    }
    let changed = false;
    for (const key of keys) if (this.#byAddress.delete(key)) changed = true;
    if (!changed) return 'same';
    this.endpoints = [...this.#byAddress.values()];
    return 'changed';
  }

  #empty(gone: boolean): Outcome {
    const changed = this.endpoints?.length !== 0 || this.gone !== gone;
    this.#stale = false;
    this.gone = gone;
    this.#byAddress.clear();
    this.endpoints = [];
    return changed ? 'changed' : 'same';
  }
}

function keyOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host} ${port}`;
}
