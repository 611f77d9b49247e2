/**
 * `heddle wait`: until the proxy is ready, or a service has an endpoint, and then perhaps runs a
 * command. For scripts, and with the arguments of linkerd-await for hooks and entry points.
 */

import { Command } from 'commander';
import { parseAddress } from '../control/model/address.ts';
import { systemClock } from '../core/base/clock.ts';
import { systemPause } from '../core/base/timers.ts';
import { type CommandContext, exitFailure, exitUsage } from './context.ts';
import { durationOption, formatDuration } from './durations.ts';
import { booleanOption } from './init/init-flags.ts';
import { parseControls, parseLabel, parsePortFlag } from './labels.ts';
import { cleanText } from './table.ts';
import { addressesOfPort, askReady, tellShutdown } from './wait/admin-ready.ts';
import { type Awaited, awaitService } from './wait/await-service.ts';
import { becomeCommand, runCommand } from './wait/then-command.ts';

interface WaitFlags {
  readonly namespace?: string;
  readonly control?: readonly string[];
  readonly timeout?: number;
  readonly port?: number;
  readonly backoff?: number;
  readonly shutdown: boolean;
  readonly verbose: boolean;
  readonly timeoutFatal: boolean;
}

export function waitCommand(context: CommandContext): Command {
  return new Command('wait')
    .description('Wait until the proxy is ready, or until a service has an endpoint.')
    .usage('[options] [name] [-- command...]')
    .argument('[words...]', 'the service, as callers spell it, and a command to run then')
    .option(
      '-n, --namespace <name>',
      'where a short name is looked up (default: our own)',
      parseLabel,
    )
    .option('--control <addresses>', 'control planes, host:port (default: our own)', parseControls)
    .addOption(
      durationOption(
        '-t, --timeout <time>',
        'how long at the most (default: 1m)',
        [0, dayMs],
        null,
      ),
    )
    .option(
      '-p, --port <port>',
      'the admin port of the proxy; all words are a command',
      parsePortFlag,
    )
    .addOption(durationOption('-b, --backoff <time>', 'between two questions', [1, hourMs], null))
    .option('-S, --shutdown', 'tell the proxy to end when the command has ended', false)
    .option('-v, --verbose', 'say when a variable has switched the wait off', false)
    .addOption(booleanOption('--timeout-fatal', 'without the proxy no command', true))
    .addHelpText('after', help)
    .action(async (words: readonly string[], flags: WaitFlags) => {
      const command = flags.port === undefined ? words.slice(1) : words;
      const problem = await waitAndRun({ words, command, flags }, context);
      if (problem === null) return;
      context.note(`heddle wait: ${problem}\n(heddle wait --help)\n`);
      context.exitCode = exitUsage;
    });
}

interface Asked {
  readonly words: readonly string[];
  readonly command: readonly string[];
  readonly flags: WaitFlags;
}

/** A sentence for wrong usage. */
async function waitAndRun(
  { words, command, flags }: Asked,
  context: CommandContext,
): Promise<string | null> {
  const { port } = flags;
  if (flags.shutdown && port === undefined) return '--shutdown needs --port';
  if (flags.shutdown && command.length === 0) return '--shutdown needs a command';
  const disabled = port === undefined ? null : findDisabled(context);
  if (disabled !== null) {
    if (flags.verbose) context.note(`heddle wait: does not wait: ${cleanText(disabled)}\n`);
    if (command.length > 0) become(command, context);
    return null;
  }
  const [name] = port === undefined ? words : [];
  const awaited =
    name === undefined ? awaitProxy(port, context) : awaitService(name, flags, context);
  if (typeof awaited === 'string') return awaited;
  const reason = await waitUntil(awaited, flags);
  awaited.close();
  if (reason !== null) {
    const after = `after ${formatDuration(flags.timeout ?? minuteMs)}`;
    context.note(`heddle wait: ${cleanText(`${name ?? 'the proxy'} ${after}: ${reason}`)}\n`);
    const isFatal = flags.timeoutFatal || command.length === 0;
    if (isFatal) context.exitCode = port === undefined ? exitFailure : exitUnavailable;
    if (isFatal) return null;
  }
  if (command.length === 0) return null;
  if (flags.shutdown && port !== undefined) await runThenShutdown(command, port, context);
  else become(command, context);
  return null;
}

/** Switched off by the variables of linkerd-await. */
function findDisabled({ environment }: CommandContext): string | null {
  const names = ['LINKERD_AWAIT_DISABLED', 'LINKERD_DISABLED'];
  const name = names.find((one) => (environment[one] ?? '') !== '');
  return name === undefined ? null : `${name}=${environment[name]}`;
}

async function waitUntil(awaited: Awaited, flags: WaitFlags): Promise<string | null> {
  const { port, backoff, timeout } = flags;
  // As long as it takes is what linkerd-await does unless it is told something else.
  const unlimited = port !== undefined && (timeout === undefined || timeout === 0);
  const limitMs = unlimited ? Number.POSITIVE_INFINITY : (timeout ?? minuteMs);
  const pauseMs = backoff ?? (port === undefined ? usualPauseMs : adminPauseMs);
  const endMs = systemClock.monotonicMs() + limitMs;
  for (;;) {
    const reason = await awaited.ask();
    const leftMs = endMs - systemClock.monotonicMs();
    if (reason === null || leftMs <= 0) return reason;
    await systemPause(Math.min(pauseMs, leftMs));
  }
}

/** A sentence when nobody has said where the proxy is. */
function awaitProxy(port: number | undefined, { environment }: CommandContext): Awaited | string {
  const { HEDDLE_ADMIN: admin = '' } = environment;
  if (port === undefined && admin === '') {
    return 'there is no HEDDLE_ADMIN: name a service or --port, or run it by heddle run';
  }
  if (port === undefined && parseAddress(admin) === null) return 'HEDDLE_ADMIN is not IP:port';
  const addresses = port === undefined ? [admin] : addressesOfPort(port);
  return { ask: () => askReady(addresses), close: () => undefined };
}

function become(command: readonly string[], context: CommandContext): void {
  const reason = becomeCommand({ command, environment: context.environment });
  context.note(`heddle wait: cannot run ${cleanText(`${command[0]}: ${reason}`)}\n`);
  context.exitCode = exitSystem;
}

async function runThenShutdown(
  command: readonly string[],
  port: number,
  context: CommandContext,
): Promise<void> {
  const outcome = await runCommand({ command, environment: context.environment });
  if (typeof outcome === 'string') {
    context.note(`heddle wait: cannot run ${cleanText(`${command[0]}: ${outcome}`)}\n`);
  }
  const reason = await tellShutdown(addressesOfPort(port));
  if (reason !== null) context.note(`heddle wait: ${cleanText(reason)}\n`);
  context.exitCode = typeof outcome === 'number' ? outcome : exitSystem;
}

const usualPauseMs = 200;
const adminPauseMs = 1_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** EX_UNAVAILABLE and EX_OSERR of sysexits(3), as linkerd-await has them. */
const exitUnavailable = 69;
const exitSystem = 71;
const help = `
What is our own is HEDDLE_NAMESPACE and HEDDLE_CONTROL, which heddle run sets, otherwise default and
127.0.0.1:8086. Without a name it is the proxy of HEDDLE_ADMIN. Exits with 1 and the reason when the
time is over. The command takes the place of this one.

With --port it takes the arguments of linkerd-await: the proxy at that port of this host, asked once
a second, for as long as it takes unless --timeout says something else; all words are the command.
With --timeout-fatal=false the command runs also without the proxy. With --shutdown the command
runs as a child, SIGTERM is passed on, POST /shutdown follows it, and its exit code is kept.
LINKERD_AWAIT_DISABLED and LINKERD_DISABLED, not empty, switch the wait off. Exits with 69 when the
time is over, with 71 when the command cannot be run or a signal has ended it.

Example:
  heddle wait users --timeout 10s && node server.js
  heddle wait --port 4191 --shutdown -- /app/job --once`;
