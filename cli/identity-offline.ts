/** `heddle identity repair` and `rotate` with `--state-dir`: no control plane runs there. */

import { resolve } from 'node:path';
import { changeOffline, type OfflineChange } from '../control/change-offline.ts';
import type { AuthorityView } from '../control/issuer/authority-view.ts';
import { StateError } from '../control/state-folder.ts';
import { systemClock } from '../core/base/clock.ts';
import { LogOutput, writeStderr } from '../workers/log-output.ts';
import { type CommandContext, exitFailure } from './context.ts';

export function changeStateFolder(
  folder: string,
  change: OfflineChange,
  context: CommandContext,
): void {
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
    const changed = changeOffline({ change, stateFolder: resolve(folder), log: output.log });
    if (typeof changed === 'string') tell(changed);
    else if (changed.problem !== '') tell(changed.problem);
    else if (change === 'repair')
      context.print(`root and issuer are whole, until ${endOf(changed)}\n`);
    else context.print(`rotation: ${changed.phase}; heddle up goes on with it when it starts\n`);
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    tell(error.message);
  } finally {
    output.flush(true);
  }
}

function endOf({ endMs }: AuthorityView): string {
  return new Date(endMs).toISOString();
}
