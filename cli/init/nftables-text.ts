/**
 * Rules in nft's own syntax, in a table of our own, so that removing them is removing it. One
 * script is one transaction, also over both families.
 */

import { keyOf, keyOfSource, mergePorts, parsePortRange, spellPorts } from './rule-key.ts';
import type { Chain, Match, Rule } from './rules.ts';
import { type Family, parseSubnet } from './subnet.ts';

export const tableName = 'heddle_init';

/** nft's word for a family. */
export function familyWord(family: Family): string {
  return family === 'ipv4' ? 'ip' : 'ip6';
}

/** Replaces the table whatever it holds; null chains remove it. */
export function writeTable(family: Family, chains: readonly Chain[] | null): string {
  const table = `table ${familyWord(family)} ${tableName}`;
  // What is not there cannot be deleted, but added it can be twice.
  const lines = [`add ${table}`, `delete ${table}`];
  if (chains !== null) {
    lines.push(`${table} {`);
    for (const { name, rules } of chains) {
      lines.push(`\tchain ${name} {`);
      for (const rule of rules) lines.push(`\t\t${writeRule(rule)}`);
      lines.push('\t}');
    }
    for (const { name, hook, hookComment } of chains) {
      lines.push(`\tchain ${hook} {`);
      lines.push(`\t\ttype nat hook ${hook.toLowerCase()} priority -100; policy accept;`);
      lines.push(`\t\tjump ${name} comment "${hookComment}"`);
      lines.push('\t}');
    }
    lines.push('}');
  }
  return `${lines.join('\n')}\n`;
}

/** What the rules mean, sorted by chain, to be compared with `readTable`. */
export function keysOfChains(chains: readonly Chain[]): readonly string[] {
  const keys = chains.flatMap(({ name, hook, rules }) => [
    [hook, `type nat hook ${hook.toLowerCase()} priority -100; policy accept;`],
    [hook, `jump ${name}`],
    ...rules.map((rule) => [name, keyOf(rule)]),
  ]);
  return sortByChain(keys);
}

/** The same of what `nft -n list table` prints; what we would never write stays as it is. */
export function readTable(printed: string): readonly string[] {
  const keys: string[][] = [];
  let chain = '';
  for (const line of printed.split('\n')) {
    const text = line.trim();
    const opened = /^chain (\S+) \{$/.exec(text);
    if (opened !== null) chain = opened[1];
    else if (text !== '' && text !== '}' && chain !== '') keys.push([chain, readRule(text)]);
  }
  return sortByChain(keys);
}

/** Stable, so that rules of one chain keep their order. */
function sortByChain(keys: readonly (readonly string[])[]): readonly string[] {
  return keys
    .toSorted(([one], [other]) => Number(one > other) - Number(one < other))
    .map((key) => key.join(' '));
}

function writeRule({ match, redirectTo, comment }: Rule): string {
  const verdict = redirectTo === null ? 'return' : `redirect to :${redirectTo}`;
  return `${writeMatch(match)}${verdict} comment "${comment}"`;
}

function writeMatch(match: Match): string {
  switch (match.kind) {
    case 'uid':
    case 'gid':
      return `meta sk${match.kind} ${match.id} `;
    case 'loopback':
      return 'oifname "lo" ';
    case 'source': {
      const { family, address, bits } = match.subnet;
      return bits === 0 ? '' : `${familyWord(family)} saddr ${address}/${bits} `;
    }
    case 'ports':
      return `tcp dport { ${spellPorts(mergePorts(match.ports)).replaceAll(',', ', ')} } `;
    default:
      return 'meta l4proto tcp ';
  }
}

function readRule(text: string): string {
  const rule = text.replace(/ comment ".*"$/, '');
  const match = rulePattern.exec(rule)?.groups;
  if (match === undefined) return rule;
  const { ids, id, loopback, source, ports, tcp, port } = match;
  const verdict = port === undefined ? 'return' : `redirect ${port}`;
  if (id !== undefined) return `${ids} ${id} ${verdict}`;
  if (loopback !== undefined) return `out lo ${verdict}`;
  if (source !== undefined) return `${readSource(source)}${verdict}`;
  if (ports !== undefined) return `tcp ports ${readPorts(ports)} ${verdict}`;
  return tcp === undefined ? verdict : `tcp ${verdict}`;
}

function readSource(text: string): string {
  const width = text.includes(':') ? 128 : 32;
  const subnet = parseSubnet(text.includes('/') ? text : `${text}/${width}`);
  return subnet === null ? `from ${text} ` : keyOfSource(subnet);
}

function readPorts(text: string): string {
  const ranges = text.replaceAll(/[{} ]/g, '').split(',').map(parsePortRange);
  const known = ranges.filter((range) => range !== null);
  return known.length === ranges.length ? spellPorts(mergePorts(known)) : text;
}

const rulePattern = new RegExp(
  [
    '^(?:meta sk(?<ids>uid|gid) (?<id>[0-9]+) ',
    '(?<loopback>oifname "lo") ',
    'ip6? saddr (?<source>\\S+) ',
    'tcp dport (?<ports>\\{ [^}]* \\}|[0-9]+(?:-[0-9]+)?) ',
    'meta l4proto (?<tcp>tcp|6) )?(?:return|redirect to :(?<port>[0-9]+))$',
  ].join('|'),
);
