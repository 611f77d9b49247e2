/** Values of proxy-init's flags, as Linkerd's manifests spell them, for commander. */

import { InvalidArgumentError, Option } from 'commander';
import { parsePort } from '../../control/model/address.ts';
import { parsePortRange } from './rule-key.ts';
import type { PortRange } from './rules.ts';
import { parseSubnet, type Subnet } from './subnet.ts';
import { parseToolLevel, type ToolLevel } from './tool-log.ts';

/** `--flag`, `--flag=true` and `--flag=false`; the next word is never its value. */
export function booleanOption(flags: string, description: string, usual: boolean): Option {
  return new Option(`${flags} [true|false]`, description).argParser(parseBoolean).default(usual);
}

/** Repeated flags add to the list, as commas do. */
export function listOption<T>(
  flags: string,
  description: string,
  collect: (text: string, before: readonly T[]) => readonly T[],
): Option {
  return new Option(flags, description).argParser(collect).default([], 'none');
}

export function collectRanges(text: string, before: readonly PortRange[]): readonly PortRange[] {
  return collectAll(text, before, 'ports or ranges such as 25,4567-4568', parsePortRange);
}

export function collectPorts(text: string, before: readonly number[]): readonly number[] {
  return collectAll(text, before, 'ports such as 80,8080', parsePort);
}

export function collectSubnets(text: string, before: readonly Subnet[]): readonly Subnet[] {
  return collectAll(text, before, 'subnets such as 10.0.0.0/8,fd00::/8', parseSubnet);
}

/** 0 for nobody, which negative numbers are as well. */
export function parseOwner(text: string): number {
  const id = /^-?[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(id <= ownerMax)) throw new InvalidArgumentError('Expected a number such as 2102.');
  return Math.max(id, 0);
}

export function parseSeconds(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected whole seconds.');
}

export function parseLevelFlag(text: string): ToolLevel {
  const level = parseToolLevel(text);
  if (level !== null) return level;
  throw new InvalidArgumentError('Expected error, warn, info or debug.');
}

function parseBoolean(text: string): boolean {
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  throw new InvalidArgumentError('Expected true or false.');
}

function collectAll<T>(
  text: string,
  before: readonly T[],
  expected: string,
  parse: (one: string) => T | null,
): readonly T[] {
  const words = text.split(',').map((one) => one.trim());
  const values = words.filter((one) => one !== '').map(parse);
  const known = values.filter((one) => one !== null);
  if (known.length === values.length) return [...before, ...known];
  throw new InvalidArgumentError(`Expected ${expected}.`);
}

const ownerMax = 4_294_967_294;
