/** `heddle stat`: rate, success and latency of each service over an interval. */

import { Command, InvalidArgumentError, Option } from 'commander';
import { splitPort } from '../control/model/address.ts';
import { systemClock } from '../core/base/clock.ts';
import { systemPause } from '../core/base/timers.ts';
import { scrape } from './admin-client.ts';
import { type CommandContext, exitFailure, exitInterrupt } from './context.ts';
import type { Sample } from './exposition.ts';
import { type ScrapePair, summarizeErrors, summarizeServices } from './service-rows.ts';
import { renderServices } from './stat-table.ts';

interface StatOptions {
  readonly interval: number;
  readonly output: 'table' | 'wide' | 'json';
  readonly watch?: boolean;
}

export function statCommand(context: CommandContext): Command {
  return new Command('stat')
    .description('Ask proxies for the rate, success and latency of each service.')
    .argument('[admin...]', 'admin addresses, host:port', collectAddress)
    .option('-i, --interval <seconds>', 'how long to measure, 0.1 to 3600', parseSeconds, 2)
    .addOption(
      new Option('-o, --output <form>', 'how to print it')
        .choices(['table', 'wide', 'json'])
        .default('table'),
    )
    .option('-w, --watch', 'go on until interrupted, one table for each interval')
    .addHelpText(
      'after',
      [
        '',
        'Without an address 127.0.0.1:4191 is asked. A service without HTTP shows connections:',
        'RPS counts those opened, SUCCESS is the share that was closed in order. A gRPC call',
        'succeeds by its status; -o wide and json have the share of each, with "none" for calls',
        'that ended without one.',
        '',
        'Example:',
        '  heddle stat 127.0.0.1:4191 --interval 5 -o wide',
      ].join('\n'),
    )
    .action(async (named: readonly string[], options: StatOptions) => {
      await measure(named.length === 0 ? [adminDefault] : named, options, context);
    });
}

async function measure(
  addresses: readonly string[],
  options: StatOptions,
  context: CommandContext,
): Promise<void> {
  process.once('SIGINT', () => process.exit(exitInterrupt));
  let before = await scrapeAll(addresses, context);
  if (before.every((one) => one === null) && options.watch !== true) return;
  let lines = 0;
  do {
    await systemPause(options.interval * 1000);
    const after = await scrapeAll(addresses, context);
    const text = renderPairs(pairUp(addresses, before, after), options, context);
    const redraw = options.watch === true && context.live && options.output !== 'json';
    if (redraw && lines > 0) context.print(`\x1b[${lines}A\x1b[J`);
    context.print(text);
    lines = text.split('\n').length - 1;
    before = after;
  } while (options.watch === true);
}

interface Scrape {
  readonly atMs: number;
  readonly samples: readonly Sample[];
}

/** One that does not answer is reported and does not hide the others. */
async function scrapeAll(
  addresses: readonly string[],
  context: CommandContext,
): Promise<(Scrape | null)[]> {
  return Promise.all(
    addresses.map(async (address) => {
      try {
        const samples = await scrape(address);
        return { atMs: systemClock.monotonicMs(), samples };
      } catch (error) {
        context.note(`heddle: ${(error as Error).message}; is it the admin port of a proxy?\n`);
        context.exitCode = exitFailure;
        return null;
      }
    }),
  );
}

function pairUp(
  addresses: readonly string[],
  before: readonly (Scrape | null)[],
  after: readonly (Scrape | null)[],
): ScrapePair[] {
  return addresses.flatMap((proxy, index) => {
    const [first, last] = [before[index], after[index]];
    if (first === null || last === null) return [];
    const seconds = (last.atMs - first.atMs) / 1000;
    return [{ proxy, before: first.samples, after: last.samples, seconds }];
  });
}

function renderPairs(
  pairs: readonly ScrapePair[],
  { output, watch }: StatOptions,
  context: CommandContext,
): string {
  const services = pairs.flatMap(summarizeServices);
  const errors = pairs.flatMap(summarizeErrors);
  if (output === 'json') return `${JSON.stringify({ services, errors })}\n`;
  if (pairs.length === 0) return '';
  const { color, live } = context;
  const columns = live && watch === true ? context.columns : Number.POSITIVE_INFINITY;
  return renderServices(services, errors, { form: output, color, columns });
}

function collectAddress(text: string, before: readonly string[] = []): readonly string[] {
  const split = splitPort(text);
  if (split === null || split.port === null || split.name === '') {
    throw new InvalidArgumentError('Expected host:port such as 127.0.0.1:4191.');
  }
  return [...before, text];
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (seconds >= 0.1 && seconds <= 3600) return seconds;
  throw new InvalidArgumentError('Expected a number of seconds from 0.1 to 3600.');
}

const adminDefault = '127.0.0.1:4191';
