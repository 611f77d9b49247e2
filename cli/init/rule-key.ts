/**
 * What a rule means, as one line without comments: the same whichever tool has written it and
 * however it prints it, so that what was written can be compared with what is read back.
 */

import type { PortRange, Rule } from './rules.ts';
import type { Subnet } from './subnet.ts';

export function keyOf({ match, redirectTo }: Rule): string {
  const verdict = redirectTo === null ? 'return' : `redirect ${redirectTo}`;
  switch (match.kind) {
    case 'uid':
    case 'gid':
      return `${match.kind} ${match.id} ${verdict}`;
    case 'loopback':
      return `out lo ${verdict}`;
    case 'ports':
      return `tcp ports ${spellPorts(mergePorts(match.ports))} ${verdict}`;
    case 'source':
      return `${keyOfSource(match.subnet)}${verdict}`;
    default:
      return `tcp ${verdict}`;
  }
}

/** Tools leave out what every address fits. */
export function keyOfSource({ address, bits }: Subnet): string {
  return bits === 0 ? '' : `from ${address}/${bits} `;
}

/** Sorted, and those that touch as one: nft prints sets so. */
export function mergePorts(ports: readonly PortRange[]): readonly PortRange[] {
  const merged: PortRange[] = [];
  for (const range of ports.toSorted((one, other) => one.first - other.first)) {
    const before = merged.at(-1);
    if (before === undefined || range.first > before.last + 1) merged.push(range);
    else if (range.last > before.last) {
      merged[merged.length - 1] = { first: before.first, last: range.last };
    }
  }
  return merged;
}

/** `4190,4191,4567-4568` */
export function spellPorts(ports: readonly PortRange[]): string {
  return ports
    .map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`))
    .join(',');
}

/** Of one port or `first-last`; null for anything else. */
export function parsePortRange(text: string): PortRange | null {
  const match = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(text);
  if (match === null) return null;
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  return first <= last && last <= 65_535 ? { first, last } : null;
}
