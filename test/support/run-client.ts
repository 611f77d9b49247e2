/** A client that `heddle run` joins, and tokens for it. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ProxyProcess } from './process.ts';
import { appCommand, type RunProcess, startRun } from './run-process.ts';

interface Client extends RunProcess {
  readonly outbound: number;
}

export async function startClient(
  t: TestContext,
  control: string,
  environment: Readonly<Record<string, string>>,
): Promise<Client> {
  const args = ['--namespace', 'demo', '--control', control, ...waitLong];
  const run = startRun(t, [...args, ...appCommand('say=HEDDLE_OUTBOUND')], { environment });
  const outbound = await run.events.until(/^127\.0\.0\.1:\d+$/);
  return { ...run, outbound: Number(outbound.split(':')[1]) };
}

export function localToken(up: ProxyProcess): string {
  return readFileSync(join(up.folder, 'state/local.token'), 'utf8');
}

export function createToken(up: ProxyProcess): string[] {
  return ['token', 'create', '--namespace', 'demo', '--state-dir', join(up.folder, 'state')];
}

/** Beyond what a busy machine takes. */
export const waitLong = ['--wait', '20s'];
