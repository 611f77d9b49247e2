/** `heddle demo`, which `npm start` runs: a small mesh of real processes to break. */

import { Command, InvalidArgumentError, Option } from 'commander';
import type { CommandContext } from './context.ts';
import { runDemo } from './demo/run.ts';

export function demoCommand(context: CommandContext): Command {
  return new Command('demo')
    .description('Start a small application of real processes with proxies and a load, and watch.')
    .option('-r, --rate <number>', 'requests to web in a second, 1 to 500', wholeUpTo(500), 40)
    .addOption(
      new Option(
        '-i, --interval <seconds>',
        'time between tables, 1 to 60 (default: 1 on a terminal, else 5)',
      ).argParser(wholeUpTo(60)),
    )
    .option('-d, --duration <seconds>', 'end by itself after this time', wholeUpTo(86_400))
    .addHelpText(
      'after',
      [
        '',
        'Ports that are taken are replaced by free ones. Ctrl-C ends all of it.',
        '',
        'Example:',
        '  heddle demo --rate 100 --duration 60',
      ].join('\n'),
    )
    .action(async (options: { rate: number; interval?: number; duration?: number }) => {
      context.exitCode = await runDemo(
        {
          rate: options.rate,
          intervalSeconds: options.interval ?? (context.live ? 1 : 5),
          durationSeconds: options.duration ?? null,
        },
        context,
      );
    });
}

function wholeUpTo(max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= 1 && value <= max) return value;
    throw new InvalidArgumentError(`Expected a whole number from 1 to ${max}.`);
  };
}
