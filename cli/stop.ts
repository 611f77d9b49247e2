/** `heddle stop`: ends what `heddle run` has started, by name, in its own order. */

import { Command } from 'commander';
import { nodeErrorCode } from '../core/base/node-error.ts';
import { systemPause } from '../core/base/timers.ts';
import { type CommandContext, exitFailure, exitUsage } from './context.ts';
import { isSame, listRuns, type RunFacts } from './run/run-file.ts';
import { cleanText, renderTable } from './table.ts';

export function stopCommand(context: CommandContext): Command {
  return new Command('stop')
    .description('End what heddle run has started, as SIGTERM does, and wait for its end.')
    .argument('[name]', 'a service, service.namespace, an instance or a process; without: all')
    .option('--state-dir <folder>', 'of heddle run (default: $XDG_STATE_HOME/heddle)')
    .addHelpText(
      'after',
      [
        '',
        'Waits as long as each has by its --grace. Exits with 1 when nothing has that name, or',
        'something has not ended.',
        '',
        'Example:',
        '  heddle stop web',
      ].join('\n'),
    )
    .action(async (name: string | undefined, { stateDir }: { stateDir?: string }) => {
      const folder = stateDir ?? context.stateFolder;
      if (folder !== null) await stop(folder, name ?? null, context);
      else {
        context.note('heddle stop: HOME and XDG_STATE_HOME are not set: give --state-dir\n');
        context.exitCode = exitUsage;
      }
    });
}

async function stop(folder: string, name: string | null, context: CommandContext): Promise<void> {
  const runs = listRuns(folder);
  const chosen = name === null ? runs : runs.filter((run) => namesOf(run).includes(name));
  if (chosen.length === 0) {
    context.exitCode = exitFailure;
    if (runs.length === 0) context.note(`heddle stop: nothing runs that ${folder}/run knows of\n`);
    else {
      context.note(`heddle stop: nothing is named ${cleanText(name ?? '')}; these run:\n`);
      context.note(renderRuns(runs));
    }
    return;
  }
  await Promise.all(chosen.map((run) => stopOne(run, context)));
}

function namesOf({ service, namespace, instance, pid }: RunFacts): string[] {
  const names = [instance, String(pid)];
  return service === '' ? names : [...names, service, `${service}.${namespace}`];
}

async function stopOne(run: RunFacts, context: CommandContext): Promise<void> {
  const about = cleanText(`${run.instance} (process ${run.pid}, ${run.command})`);
  try {
    // Looked at again: between the list and now it may have ended, and its number be another's.
    if (isSame(run)) process.kill(run.pid, 'SIGTERM');
  } catch (error) {
    if (nodeErrorCode(error) !== 'ESRCH') {
      context.note(`heddle stop: ${about}: ${(error as Error).message}\n`);
      context.exitCode = exitFailure;
      return;
    }
  }
  for (let waitedMs = 0; isSame(run); waitedMs += lookMs) {
    if (waitedMs > run.graceMs + marginMs) {
      context.note(`heddle stop: ${about} still runs after its grace of ${run.graceMs} ms\n`);
      context.exitCode = exitFailure;
      return;
    }
    await systemPause(lookMs);
  }
  context.print(`stopped ${about}\n`);
}

function renderRuns(runs: readonly RunFacts[]): string {
  const columns = ['INSTANCE', 'SERVICE', 'PROCESS', 'COMMAND'].map((title) => {
    return { title, align: 'left' as const };
  });
  const rows = runs.map(({ instance, service, namespace, pid, command }) => {
    return [instance, service === '' ? '-' : `${service}.${namespace}`, String(pid), command];
  });
  return renderTable(columns, rows, Number.POSITIVE_INFINITY);
}

const lookMs = 50;
/** What follows the grace: kills, and our own end. */
const marginMs = 5_000;
