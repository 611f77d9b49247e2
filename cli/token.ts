/** `heddle token create`: the right to announce a name, for who is not the user of `heddle up`. */

import { Command } from 'commander';
import { readJoinKey, readLocalClaims } from '../control/issuer/join-key.ts';
import { createJoinToken } from '../control/issuer/join-token.ts';
import { systemClock } from '../core/base/clock.ts';
import { type CommandContext, exitFailure, exitUsage } from './context.ts';
import { durationOption } from './durations.ts';
import { parseLabel } from './labels.ts';

interface CreateFlags {
  readonly service: string;
  readonly namespace: string;
  readonly expires: number;
  readonly stateDir?: string;
}

export function tokenCommand(context: CommandContext): Command {
  const create = new Command('create')
    .description('Print a token by which heddle run may announce one service.')
    .requiredOption('-s, --service <name>', 'the service', parseLabel)
    .option('-n, --namespace <name>', 'its namespace', parseLabel, 'default')
    .addOption(durationOption('--expires <time>', 'how long it is good for', [minMs, maxMs], dayMs))
    .option('--state-dir <folder>', 'of heddle up (default: $XDG_STATE_HOME/heddle/up)')
    .addHelpText('after', createHelp)
    .action((flags: CreateFlags) => createToken(flags, context));
  return new Command('token')
    .description('Make tokens, which heddle run announces a service with.')
    .addCommand(create)
    .helpCommand(false)
    .addHelpText('after', '\nExample:\n  heddle token create --service web --namespace demo');
}

function createToken(flags: CreateFlags, context: CommandContext): void {
  const { service, namespace, expires } = flags;
  const upFolder = context.stateFolder === null ? null : `${context.stateFolder}/up`;
  const folder = flags.stateDir ?? upFolder;
  if (folder === null) {
    context.note('heddle token: HOME and XDG_STATE_HOME are not set: give --state-dir\n');
    context.exitCode = exitUsage;
    return;
  }
  const key = readJoinKey(folder);
  if ('problem' in key) {
    context.note(`heddle token: ${key.problem}\n`);
    context.exitCode = exitFailure;
    return;
  }
  const nowWallMs = systemClock.wallMs();
  const local = readLocalClaims(folder, key, nowWallMs);
  if ('problem' in local) {
    context.note(`heddle token: ${local.problem}\n`);
    context.exitCode = exitFailure;
    return;
  }
  const claims = { ...local, namespace, service, expiresWallMs: nowWallMs + expires };
  context.print(`${createJoinToken(key.privateKey, claims)}\n`);
}

const minMs = 1_000;
const dayMs = 24 * 3_600_000;
const maxMs = 3_650 * dayMs;
const createHelp = `
It is signed by the key that heddle up has made in its state directory. A process that has joined
stays when its token expires; it needs a good one to join again.

Example:
  umask 077
  heddle token create --service web --namespace demo --expires 7d > web.token
  heddle run --service web --namespace demo --token-file web.token --port 8080 -- node server.js`;
