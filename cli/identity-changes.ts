/** `heddle identity status`, `rotate`, `repair`: what certifies a mesh, and its replacement. */

import { Command, Option } from 'commander';
import { askMany } from './ask-many.ts';
import type { AuthorityView } from './authority-messages.ts';
import {
  authorityJson,
  type Confirmation,
  confirmationsOf,
  describeAuthority,
} from './authority-text.ts';
import { type CommandContext, exitFailure } from './context.ts';
import { controlOption } from './control-flag.ts';
import { gatherProxies, tellFailure } from './gather-proxies.ts';
import { changeStateFolder } from './identity-offline.ts';
import { readProxyIdentity } from './proxy-identity.ts';
import type { Token } from './run/registration.ts';
import { createTokenReader } from './run/token-source.ts';
import type { ViewAnswer, ViewClient } from './view-client.ts';
import { openViewClients } from './view-clients.ts';

interface StatusOptions {
  readonly control: readonly string[];
  readonly output: 'text' | 'json';
}

interface ChangeOptions {
  readonly control: readonly string[];
  readonly tokenFile?: string;
}

interface RotateOptions extends ChangeOptions {
  readonly force?: boolean;
  readonly issuer?: boolean;
  readonly stateDir?: string;
}

export function identityStatusCommand(context: CommandContext): Command {
  return new Command('status')
    .description('Show roots and issuer, the phase of a rotation, and who has confirmed it.')
    .addOption(controlOption())
    .addOption(
      new Option('-o, --output <form>', 'how to print it')
        .choices(['text', 'json'])
        .default('text'),
    )
    .addHelpText('after', '\nExample:\n  heddle identity status')
    .action(async ({ control, output }: StatusOptions) => {
      await withClients(control, async (clients) => {
        const found = await ask(clients, (client) => client.authority(), context);
        if (found === null) return;
        const confirmations = await gatherConfirmations(found.value, clients, context);
        if (found.value.problem !== '') context.exitCode = exitFailure;
        const show = output === 'json' ? authorityJson : describeAuthority;
        context.print(show(found.value, confirmations));
      });
    });
}

export function identityRotateCommand(context: CommandContext): Command {
  return changeOptions(new Command('rotate'))
    .description('Replace the root of the mesh, or its issuer alone, without a restart.')
    .option('--issuer', 'replace the issuer alone, below the root that there is')
    .addOption(
      new Option(
        '--force',
        'go on to the next phase without those that have not confirmed',
      ).conflicts('issuer'),
    )
    .option('--state-dir <folder>', 'of a heddle up that does not run: begins it in its files')
    .addHelpText('after', rotateHelp)
    .action(async (options: RotateOptions) => {
      const { force = false, issuer = false, stateDir } = options;
      if (stateDir !== undefined) {
        changeStateFolder(stateDir, force ? 'force' : issuer ? 'rotate-issuer' : 'rotate', context);
        return;
      }
      if (issuer) await change(options, context, (client, token) => client.rotateIssuer(token));
      else await change(options, context, (client, token) => client.rotate(token, force));
    });
}

export function identityRepairCommand(context: CommandContext): Command {
  return changeOptions(new Command('repair'))
    .description('Make root and issuer whole again that have expired or are lost.')
    .option('--state-dir <folder>', 'of a heddle up that does not run: repairs its files')
    .addHelpText('after', repairHelp)
    .action(async (options: ChangeOptions & { readonly stateDir?: string }) => {
      if (options.stateDir !== undefined)
        return changeStateFolder(options.stateDir, 'repair', context);
      await change(options, context, (client, token) => client.repair(token));
    });
}

function changeOptions(command: Command): Command {
  return command
    .addOption(controlOption())
    .option('--token-file <file>', 'the right to any name (default: that of the local heddle up)');
}

/** The first control plane that answers does it: those of one mesh share their certificates. */
async function change(
  { control, tokenFile }: ChangeOptions,
  context: CommandContext,
  act: (client: ViewClient, token: string) => Promise<ViewAnswer<AuthorityView>>,
): Promise<void> {
  const token = readToken(tokenFile ?? null, context);
  if ('problem' in token) {
    tellFailure(token.problem, context);
    return;
  }
  await withClients(control, async (clients) => {
    const found = await ask(clients, (client) => act(client, token.token), context);
    if (found === null) return;
    const confirmations = await gatherConfirmations(found.value, clients, context);
    context.print(describeAuthority(found.value, confirmations));
  });
}

function readToken(tokenFile: string | null, context: CommandContext): Token {
  const { environment, stateFolder } = context;
  const upFolder = stateFolder === null ? null : `${stateFolder}/up`;
  return createTokenReader({ tokenFile, environmentToken: environment.HEDDLE_TOKEN, upFolder })();
}

/** Says who does not answer; null where nobody does. */
async function ask<Value>(
  clients: readonly ViewClient[],
  question: (client: ViewClient) => Promise<ViewAnswer<Value>>,
  context: CommandContext,
): Promise<{ readonly value: Value } | null> {
  for (const client of clients) {
    const answer = await question(client);
    if ('value' in answer) return answer;
    tellFailure(answer.reason, context);
  }
  return null;
}

async function gatherConfirmations(
  view: AuthorityView,
  clients: readonly ViewClient[],
  context: CommandContext,
): Promise<Confirmation[]> {
  const proxies = (await gatherProxies(clients, [], context)) ?? [];
  const told = await askMany(proxies, async ({ name, admin, confirmed }) => {
    const identity = admin === '' ? null : await readProxyIdentity(admin);
    return { name, identity, confirmed };
  });
  return confirmationsOf(view, told);
}

async function withClients(
  control: readonly string[],
  act: (clients: readonly ViewClient[]) => Promise<void>,
): Promise<void> {
  const clients = await openViewClients(control);
  try {
    await act(clients);
  } finally {
    for (const client of clients) client.close();
  }
}

const rotateHelp = `
All proxies are told of the new root first; when every one that is connected has it, leaves are
signed by it; when every one has such a leaf, the old root goes. A proxy that cannot tell, one of
Linkerd's, is named, and nothing is retired while it is connected. No request fails: when the old
root goes, connections that it may have proved are replaced within 5 s, and what is still under way
on them is ended within an hour. The issuer is renewed by itself; --issuer does it now: all certify
again below the same root, no trust anchor changes, and no connection is replaced.
The command returns at once: heddle identity status says how far it is.

Example:
  heddle identity rotate
  heddle identity rotate --issuer`;
const repairHelp = `
A laptop that was off for longer than its certificates were good, a state folder that has lost a
key: proxies certify again by themselves when the issuer can sign. Harmless where all is well.

Example:
  heddle identity repair
  heddle identity repair --state-dir ~/.local/state/heddle/up`;
