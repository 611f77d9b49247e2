/** `heddle up`: a control plane as a process: flags, signals and exit codes around its runtime. */

import { flushCompileCache } from 'node:module';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Address, ProxySettings } from '../api/settings.ts';
import { isHostAndPort, parseAddress } from '../control/model/address.ts';
import { defaultConfig } from '../control/model/default-settings.ts';
import type { LoadedConfig } from '../control/model/loaded-config.ts';
import { type RunningControlPlane, startControlPlane } from '../control/runtime.ts';
import { ListenError } from '../control/serve/listen.ts';
import { formatProblem, loadConfig } from '../control/sources/load-config.ts';
import { StateError } from '../control/state-folder.ts';
import { systemClock } from '../core/base/clock.ts';
import { systemInterval, systemWaitAtMost } from '../core/base/timers.ts';
import { LogOutput, writeStderr } from '../workers/log-output.ts';
import { type CommandContext, exitConfig, exitFailure, exitUsage } from './context.ts';

interface UpFlags {
  readonly config?: string;
  readonly stateDir?: string;
  readonly listen: Address;
  readonly admin: Address;
  readonly advertise?: string;
  readonly joinKey?: string;
  readonly identityDir?: string;
  readonly issuerDir?: string;
  readonly trustAnchors?: string;
  readonly logLevel: string;
  readonly logFormat: ProxySettings['logFormat'];
}

export function upCommand(context: CommandContext): Command {
  return new Command('up')
    .description('Run a control plane, which tells proxies what the mesh is.')
    .option('-c, --config <file>', 'a file like heddle.yaml, which is followed')
    .option('--state-dir <folder>', 'what is kept (default: $XDG_STATE_HOME/heddle/up)')
    .addOption(addressOption('--listen <IP:port>', 'for proxies and commands', '127.0.0.1:8086'))
    .addOption(addressOption('--admin <IP:port>', 'metrics and readiness', '127.0.0.1:9996'))
    .option('--advertise <host:port>', 'where others reach it, if not there', parseAdvertise)
    .option('--join-key <file>', 'signs join tokens; for several with the same key')
    .option('--identity-dir <folder>', 'roots and issuer; for several with the same ones')
    .option('--issuer-dir <folder>', 'an issuer of others: tls.crt, tls.key and ca.crt, followed')
    .option('--trust-anchors <file>', 'roots beside those of the issuer, PEM, followed')
    .addOption(logOption('--log-level <level>', 'the least important line', logLevels, 'info'))
    .addOption(logOption('--log-format <format>', 'how log lines look', logFormats, 'plain'))
    .addHelpText('after', help)
    .action(async (flags: UpFlags) => {
      context.exitCode = await runUp(flags, context);
    });
}

async function runUp(flags: UpFlags, context: CommandContext): Promise<number> {
  const stateFolder = flags.stateDir ?? upFolder(context);
  if (stateFolder === null) {
    context.note('heddle up: HOME and XDG_STATE_HOME are not set: give --state-dir\n');
    return exitUsage;
  }
  const signals = new Signals();
  const loaded = await load(flags.config, context);
  if ('problems' in loaded) {
    for (const problem of loaded.problems) context.note(`heddle: ${formatProblem(problem)}\n`);
    return exitConfig;
  }
  const output = new LogOutput({
    settings: flags,
    clock: systemClock,
    writeBytes: writeStderr,
    dropped: () => undefined,
  });
  const stopFlushing = systemInterval(() => output.flush(), flushPeriodMs);
  try {
    return await runControlPlane(loaded.config, flags, { stateFolder, output, signals });
  } catch (error) {
    if (!(error instanceof ListenError || error instanceof StateError)) throw error;
    output.log.error('heddle', error.message);
    return exitFailure;
  } finally {
    stopFlushing();
    output.flush(true);
    // A reader that is stuck does not keep the process.
    await systemWaitAtMost(output.idle(), lastLinesMs);
  }
}

async function runControlPlane(
  config: LoadedConfig,
  flags: UpFlags,
  run: { readonly stateFolder: string; readonly output: LogOutput; readonly signals: Signals },
): Promise<number> {
  const { listen, admin, advertise = '', joinKey, identityDir, issuerDir, trustAnchors } = flags;
  const { log } = run.output;
  const plane = await startControlPlane({
    config,
    listen,
    admin,
    advertise,
    stateFolder: resolve(run.stateFolder),
    joinKeyPath: wholePath(joinKey),
    places: {
      identityDir: wholePath(identityDir),
      issuerDir: wholePath(issuerDir),
      trustAnchorsPath: wholePath(trustAnchors),
    },
    log,
  });
  // It may be killed: what was compiled until here is kept for the next start.
  flushCompileCache();
  await run.signals.first((name) => log.info('heddle', `received ${name}, starting shutdown`));
  await drain(plane, run.signals);
  return 0;
}

function wholePath(path: string | undefined): string | null {
  return path === undefined ? null : resolve(path);
}

/** A second signal ends it at once. */
async function drain(plane: RunningControlPlane, signals: Signals): Promise<void> {
  signals.onNext(() => plane.stop());
  await plane.drain();
}

/** To the end of the process: one more signal would otherwise change its exit code. */
class Signals {
  #received: NodeJS.Signals | null = null;
  #onSignal: (name: NodeJS.Signals) => void = () => {};

  constructor() {
    const onSignal = (name: NodeJS.Signals): void => {
      this.#received ??= name;
      this.#onSignal(name);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  }

  /** Also one that came before. */
  async first(tell: (name: NodeJS.Signals) => void): Promise<void> {
    const { promise, resolve: received } = Promise.withResolvers<NodeJS.Signals>();
    this.#onSignal = received;
    if (this.#received !== null) received(this.#received);
    tell(await promise);
  }

  onNext(run: () => void): void {
    this.#onSignal = run;
  }
}

async function load(path: string | undefined, { cacheFolder }: CommandContext) {
  return path === undefined ? { config: defaultConfig } : loadConfig(path, cacheFolder);
}

function upFolder({ stateFolder }: CommandContext): string | null {
  return stateFolder === null ? null : `${stateFolder}/up`;
}

function addressOption(flags: string, description: string, standard: string): Option {
  return new Option(flags, description)
    .argParser(parseListen)
    .default(parseListen(standard), standard);
}

function parseListen(text: string): Address {
  const address = parseAddress(text);
  if (address !== null) return address;
  throw new InvalidArgumentError('Expected IP:port, such as 127.0.0.1:8086 or [::1]:8086.');
}

function parseAdvertise(text: string): string {
  if (isHostAndPort(text)) return text;
  throw new InvalidArgumentError('Expected host:port, such as control.internal:8086.');
}

function logOption(
  flags: string,
  description: string,
  values: readonly string[],
  standard: string,
): Option {
  return new Option(flags, description).choices(values).default(standard);
}

const help = `
Without --config the mesh is what processes make of it that join: heddle run, which finds
its right to announce any name in the state folder, as the same user. What is kept there
serves a restart. Several control planes have folders of their own, and share --join-key and
--identity-dir.

Root and issuer are made at the first start and replaced in time; heddle identity shows them.

Ctrl-C sends proxies to others, or lets them go on with what they know. Exit codes: 0 after
an orderly end, 1 for a failure, 2 for wrong usage, 64 for a wrong configuration.

Example:
  heddle up --config heddle.yaml`;

const logLevels = ['off', 'error', 'warn', 'info', 'debug'];
const logFormats = ['plain', 'json'];
const flushPeriodMs = 1_000;
const lastLinesMs = 500;
