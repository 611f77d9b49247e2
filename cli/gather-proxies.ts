/** Asks control planes which proxies there are, for commands that ask those. */

import { askMany } from './ask-many.ts';
import { type CommandContext, exitFailure } from './context.ts';
import { type KnownProxy, listProxies, unknownProxy } from './known-proxies.ts';
import { cleanText } from './table.ts';
import type { ViewClient } from './view-client.ts';

/** Says who could not be asked, and null where that was everybody. `admins` are added to them. */
export async function gatherProxies(
  clients: readonly ViewClient[],
  admins: readonly string[],
  context: CommandContext,
): Promise<KnownProxy[] | null> {
  const answers = await askMany(clients, (client) => client.status());
  for (const answer of answers) if ('reason' in answer) tellFailure(answer.reason, context);
  const statuses = answers.flatMap((answer) => ('value' in answer ? [answer.value] : []));
  if (statuses.length === 0 && admins.length === 0) return null;
  const known = listProxies(statuses);
  const others = admins.filter((admin) => known.every((one) => one.admin !== admin));
  return [...known, ...others.map(unknownProxy)];
}

/** The command goes on, and ends with 1. */
export function tellFailure(reason: string, context: CommandContext): void {
  context.note(`heddle: ${cleanText(reason)}\n`);
  context.exitCode = exitFailure;
}
