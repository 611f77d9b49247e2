/** `heddle identity repair --state-dir`: on the disk of a control plane that does not run. */

import { resolve } from 'node:path';
import { repairOffline } from '../control/repair-offline.ts';
import { StateError } from '../control/state-folder.ts';
import { systemClock } from '../core/base/clock.ts';
import { LogOutput, writeStderr } from '../workers/log-output.ts';
import { type CommandContext, exitFailure } from './context.ts';

export function repairStateFolder(folder: string, context: CommandContext): void {
  const settings = { logLevel: 'warn', logFormat: 'plain' } as const;
  const output = new LogOutput({
    settings,
    clock: systemClock,
    writeBytes: writeStderr,
    dropped: () => undefined,
  });
  const tell = (problem: string): void => {
    context.note(`heddle identity: ${problem}\n`);
    context.exitCode = exitFailure;
  };
  try {
    const repaired = repairOffline({ stateFolder: resolve(folder), log: output.log });
    if (typeof repaired === 'string') tell(repaired);
    else if (repaired.problem !== '') tell(repaired.problem);
    else
      context.print(`root and issuer are whole, until ${new Date(repaired.endMs).toISOString()}\n`);
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    tell(error.message);
  } finally {
    output.flush(true);
  }
}
