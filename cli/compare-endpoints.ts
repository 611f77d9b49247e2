/**
 * What source, control planes and proxies say of the endpoints of each service, side by side. Pure;
 * the first place that knows a service is the one that the others are held to.
 */

import type { ResolvedEndpoint } from '../api/discovery.ts';
import { formatAddress } from '../control/model/address.ts';

/** What one place has of one service. */
export interface Holding {
  readonly authority: string;
  /** `web.default:80`, for people. */
  readonly service: string;
  readonly place: 'source' | 'control' | 'proxy';
  /** Which one: a file, an address. */
  readonly name: string;
  readonly version: string;
  readonly ageMs: number | null;
  /** Null: it says that there is no such service. */
  readonly endpoints: readonly ResolvedEndpoint[] | null;
  /** What else is to be known of it: that it is from disk, that it fails. */
  readonly note: string;
}

interface ComparedHolding extends Holding {
  /** How it differs from the first of its service; empty when it does not. */
  readonly difference: string;
}

/** By service, then in the order that they were given in: source, control planes, proxies. */
export function compareHoldings(holdings: readonly Holding[]): ComparedHolding[] {
  const services = Map.groupBy(holdings, ({ authority }) => authority);
  return [...services]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, places]) => {
      const [first] = places;
      return places.map((one) => ({ ...one, difference: tellDifference(first, one) }));
    });
}

function tellDifference(first: Holding, other: Holding): string {
  if (other.endpoints === null) return first.endpoints === null ? '' : 'no such service';
  if (first.endpoints === null) return 'has a service that should not exist';
  if (first.version === other.version) return '';
  const wanted = new Map(first.endpoints.map((one) => [formatAddress(one), one]));
  const found = new Map(other.endpoints.map((one) => [formatAddress(one), one]));
  const missing = [...wanted.keys()].filter((address) => !found.has(address));
  const surplus = [...found.keys()].filter((address) => !wanted.has(address));
  const changed = [...wanted].flatMap(([address, one]) => {
    const there = found.get(address);
    return there === undefined ? [] : describeChange(address, one, there);
  });
  const parts = [
    listSome('lacks', missing),
    listSome('has also', surplus),
    listSome('differs in', changed),
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'another version' : parts.join('; ');
}

function describeChange(address: string, a: ResolvedEndpoint, b: ResolvedEndpoint): string[] {
  const weight = a.weight === b.weight ? [] : [`weight ${b.weight} of ${address}`];
  const zone = a.zone === b.zone ? [] : [`zone ${b.zone === '' ? '-' : b.zone} of ${address}`];
  return [...weight, ...zone];
}

function listSome(verb: string, texts: readonly string[]): string {
  if (texts.length === 0) return '';
  const more = texts.length > shownMax ? ` and ${texts.length - shownMax} more` : '';
  return `${verb} ${texts.slice(0, shownMax).join(', ')}${more}`;
}

/** Endpoints that a line names; a set may have thousands. */
const shownMax = 3;
