/** The rules by nft: both families in one transaction, read back, and taken back if they differ. */

import { InitError } from './init-error.ts';
import { familyWord, keysOfChains, readTable, tableName, writeTable } from './nftables-text.ts';
import type { Chain } from './rules.ts';
import { runTool } from './run-tool.ts';
import type { Family } from './subnet.ts';

interface TableRules {
  readonly family: Family;
  /** Null to remove what is there. */
  readonly chains: readonly Chain[] | null;
}

/** Throws an `InitError`, and has changed nothing then, or says that it has. */
export function applyNftables(
  program: string,
  tables: readonly TableRules[],
  say: (line: string) => void,
): void {
  const before = tables.map(({ family }) => listTable(program, family));
  say(
    `${program}: ${tables.every(({ chains }) => chains === null) ? 'removes' : 'writes'} the rules`,
  );
  runScript(program, simulateNftables(tables));
  for (const { family, chains } of tables) {
    const found = readTable(listTable(program, family) ?? '').join('\n');
    const wanted = keysOfChains(chains ?? []).join('\n');
    if (found === wanted) continue;
    const difference = new InitError(
      `${program} does not print what it took; it printed\n${found}\nin place of\n${wanted}`,
    );
    putBack(program, tables, { before, cause: difference });
    throw difference;
  }
}

/** The script that would be given to nft. */
export function simulateNftables(tables: readonly TableRules[]): string {
  return tables.map(({ family, chains }) => writeTable(family, chains)).join('');
}

/** Null when it is not there. */
function listTable(program: string, family: Family): string | null {
  const table = `table ${familyWord(family)} ${tableName}`;
  const tables = runTool({ program, args: ['list', 'tables'], input: '' }).split('\n');
  if (!tables.includes(table)) return null;
  return runTool({ program, args: ['-n', 'list', ...table.split(' ')], input: '' });
}

function runScript(program: string, input: string): void {
  runTool({ program, args: ['-f', '-'], input });
}

function putBack(
  program: string,
  tables: readonly TableRules[],
  { before, cause }: { readonly before: readonly (string | null)[]; readonly cause: Error },
): void {
  const texts = tables.map(({ family }, index) => writeTable(family, null) + (before[index] ?? ''));
  try {
    runScript(program, texts.join(''));
  } catch (error) {
    cause.message += `\nWhat was there before cannot be put back: ${(error as Error).message}`;
  }
}
