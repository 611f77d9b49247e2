/**
 * The rules by iptables-restore, for one family after the other. Each is read back; when a family
 * cannot be had, those before it get what they had.
 */

import { InitError } from './init-error.ts';
import {
  comparePart,
  emptyPart,
  type OurPart,
  readPart,
  writeChange,
  writePart,
} from './iptables-text.ts';
import type { Chain } from './rules.ts';
import { runTool } from './run-tool.ts';
import type { Family } from './subnet.ts';

interface IptablesTool {
  readonly family: Family;
  /** Programs. */
  readonly save: string;
  readonly restore: string;
  readonly waits: boolean;
}

export interface FamilyRules {
  readonly tool: IptablesTool;
  /** Null to remove what is there. */
  readonly chains: readonly Chain[] | null;
}

/** Throws an `InitError`, and has changed nothing then, or says that it has. */
export function applyIptables(families: readonly FamilyRules[], say: (line: string) => void): void {
  const before: { readonly tool: IptablesTool; readonly part: OurPart }[] = [];
  try {
    for (const { tool, chains } of families) {
      const current = save(tool);
      before.push({ tool, part: current });
      const wanted = chains === null ? emptyPart : writePart(chains);
      say(`${tool.restore}: ${chains === null ? 'removes' : 'writes'} the rules`);
      restore(tool, writeChange(current, wanted));
      const difference = comparePart(save(tool), wanted);
      if (difference === null) continue;
      throw new InitError(`${tool.save} does not print what ${tool.restore} took: ${difference}`);
    }
  } catch (error) {
    for (const { tool, part } of before.toReversed()) putBack(tool, part, error as Error);
    throw error;
  }
}

/** What would be given to which program. */
export function simulateIptables({ tool, chains }: FamilyRules): string {
  const known = chains === null ? [] : [writeChange(emptyPart, writePart(chains))];
  return [`# ${[tool.restore, ...argsOf(tool)].join(' ')}`, ...known].join('\n');
}

function save({ save: program }: IptablesTool): OurPart {
  return readPart(runTool({ program, args: ['-t', 'nat'], input: '' }));
}

function restore(tool: IptablesTool, input: string): void {
  runTool({ program: tool.restore, args: argsOf(tool), input });
}

function argsOf({ waits }: IptablesTool): string[] {
  return waits ? ['--noflush', '-w'] : ['--noflush'];
}

function putBack(tool: IptablesTool, part: OurPart, cause: Error): void {
  try {
    const current = save(tool);
    if (comparePart(current, part) !== null) restore(tool, writeChange(current, part));
  } catch (error) {
    cause.message += `\nWhat was there before cannot be put back: ${(error as Error).message}`;
  }
}
