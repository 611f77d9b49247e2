/**
 * Rules as iptables-restore takes them and iptables-save prints them, legacy and nft alike. One
 * text is one table, and the kernel takes it whole or not at all.
 */

import { keyOfSource, mergePorts, parsePortRange, spellPorts } from './rule-key.ts';
import { type Chain, type Match, outputChain, type Rule, redirectChain } from './rules.ts';
import { parseSubnet } from './subnet.ts';

/** What a table `nat` holds of ours, as lines of iptables-save. */
export interface OurPart {
  /** By name; a chain that is not there has no entry. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Rules of other chains that lead to ours. */
  readonly jumps: readonly string[];
}

/** What should be there. */
export function writePart(chains: readonly Chain[]): OurPart {
  return {
    chains: new Map(
      chains.map(({ name, rules }) => [name, rules.map((rule) => writeRule(name, rule))]),
    ),
    jumps: chains.map(({ name, hook, hookComment }) => {
      return `-A ${hook} -m comment --comment "${hookComment}" -j ${name}`;
    }),
  };
}

export const emptyPart: OurPart = { chains: new Map(), jumps: [] };

/** Finds our part in what iptables-save prints. */
export function readPart(saved: string): OurPart {
  const chains = new Map<string, string[]>();
  const jumps: string[] = [];
  for (const line of saved.split('\n')) {
    const declared = /^:(\S+) /.exec(line)?.[1] ?? '';
    if (ours.has(declared)) chains.set(declared, []);
    const name = /^-A (\S+) /.exec(line)?.[1];
    if (name === undefined) continue;
    if (ours.has(name)) chains.get(name)?.push(line);
    else if (ours.has(/ -[jg] (\S+)$/.exec(line)?.[1] ?? '')) jumps.push(line);
  }
  return { chains, jumps };
}

/** What iptables-restore --noflush is given, so that of `current` becomes `wanted`. */
export function writeChange(current: OurPart, wanted: OurPart): string {
  const lines = ['*nat'];
  for (const name of wanted.chains.keys()) lines.push(`:${name} - [0:0]`);
  // A rule that is there keeps its place: others may stand before or after it on purpose.
  const missing = new Map(wanted.jumps.map((jump) => [keyOfLine(jump), jump]));
  for (const jump of current.jumps) {
    if (!missing.delete(keyOfLine(jump))) lines.push(jump.replace('-A', '-D'));
  }
  for (const rules of wanted.chains.values()) lines.push(...rules);
  lines.push(...missing.values());
  const gone = [...current.chains.keys()].filter((name) => !wanted.chains.has(name));
  for (const name of gone) lines.push(`-F ${name}`);
  for (const name of gone) lines.push(`-X ${name}`);
  lines.push('COMMIT', '');
  return lines.join('\n');
}

/** Where the meanings of two parts differ, as a sentence; null when they are the same. */
export function comparePart(found: OurPart, wanted: OurPart): string | null {
  const there = keysOf(found);
  const asked = keysOf(wanted);
  const lacking = asked.filter((key) => !there.includes(key));
  const extra = there.filter((key) => !asked.includes(key));
  if (lacking.length > 0) return `it lacks "${lacking.join('", "')}"`;
  if (extra.length > 0) return `it has "${extra.join('", "')}" besides`;
  return there.join('\n') === asked.join('\n') ? null : 'its rules are in another order';
}

function keysOf({ chains, jumps }: OurPart): string[] {
  const names = [...chains.keys()].toSorted();
  const lines = names.flatMap((name) => chains.get(name) ?? []);
  return [...jumps.map(keyOfLine).toSorted(), ...lines.map(keyOfLine)];
}

function writeRule(chain: string, { match, redirectTo, comment }: Rule): string {
  const verdict = redirectTo === null ? 'RETURN' : `REDIRECT --to-ports ${redirectTo}`;
  const isOne = redirectTo !== null && match.kind === 'ports';
  const spelled = isOne ? `-p tcp -m tcp --dport ${match.ports[0].first} ` : writeMatch(match);
  return `-A ${chain} ${spelled}-m comment --comment "${comment}" -j ${verdict}`;
}

function writeMatch(match: Match): string {
  switch (match.kind) {
    case 'uid':
    case 'gid':
      return `-m owner --${match.kind}-owner ${match.id} `;
    case 'loopback':
      return '-o lo ';
    case 'source':
      return `-s ${match.subnet.address}/${match.subnet.bits} `;
    case 'ports':
      return `-p tcp -m multiport --dports ${spellPorts(match.ports).replaceAll('-', ':')} `;
    default:
      return '-p tcp ';
  }
}

/** `CHAIN meaning`; what we would never write stays in it as it is. */
function keyOfLine(line: string): string {
  const [, chain, ...words] = line.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  const parts: string[] = [chain];
  let verdict = '';
  for (let index = 0; index < words.length; index += 2) {
    const [word, value = ''] = words.slice(index, index + 2);
    if (word === '-m' || word === '--comment') continue;
    if (word === '--uid-owner' || word === '--gid-owner')
      parts.push(`${word.slice(2, 5)} ${value}`);
    else if (word === '-o') parts.push(`out ${value}`);
    else if (word === '-p') parts.push(value);
    else if (word === '--dport' || word === '--dports') parts.push(`ports ${readPorts(value)}`);
    else if (word === '-s') parts.push(readSource(value));
    else if (word === '-j') verdict = value === 'RETURN' ? 'return' : verdictOf(value);
    else if (word === '--to-ports') verdict += ` ${value}`;
    else parts.push(`${word} ${value}`);
  }
  return [...parts, verdict].filter((part) => part !== '').join(' ');
}

function verdictOf(target: string): string {
  return target === 'REDIRECT' ? 'redirect' : `to ${target}`;
}

function readPorts(text: string): string {
  const ranges = text.split(',').map((one) => parsePortRange(one.replace(':', '-')));
  const known = ranges.filter((range) => range !== null);
  return known.length === ranges.length ? spellPorts(mergePorts(known)) : text;
}

function readSource(text: string): string {
  const subnet = parseSubnet(text);
  return subnet === null ? `from ${text}` : keyOfSource(subnet).trimEnd();
}

const ours = new Set([redirectChain, outputChain]);
