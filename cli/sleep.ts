/** `heddle sleep`: the sleep of a hook, in an image that has no other program. */

import { Command, InvalidArgumentError } from 'commander';
import { systemPause } from '../core/base/timers.ts';
import type { CommandContext } from './context.ts';

export function sleepCommand(_context: CommandContext): Command {
  return new Command('sleep')
    .description('Do nothing for a while, as sleep(1) does.')
    .argument('<time...>', 'seconds, or with s, m, h or d; several are added', addTimes)
    .addHelpText('after', '\nExample:\n  heddle sleep 1.5m')
    .action(async (seconds: number) => {
      let leftMs = seconds * 1000;
      for (; leftMs > 0; leftMs -= pauseMsMax) await systemPause(Math.min(leftMs, pauseMsMax));
    });
}

function addTimes(text: string, before: number | undefined): number {
  if (/^inf(?:inity)?$/i.test(text)) return Number.POSITIVE_INFINITY;
  const match = /^(\d{1,15}(?:\.\d{0,9})?|\.\d{1,9})([smhd]?)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Expected seconds such as 5 or 0.5, or 2m.');
  return (before ?? 0) + Number(match[1]) * unitSeconds[match[2]];
}

/** A system timer takes no more. */
const pauseMsMax = 2 ** 31 - 1;
const unitSeconds: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3_600, d: 86_400 };
