/** All commands as one program: help, usage errors and their exit codes are the same everywhere. */

import { Command, CommanderError } from 'commander';
import { type CommandContext, exitUsage } from './context.ts';
import { cleanText } from './table.ts';

/** Runs what `args` say and leaves the exit code in the context. */
export async function runProgram(args: readonly string[], context: CommandContext): Promise<void> {
  const program = new Command('heddle')
    .description('A service mesh in TypeScript: a sidecar proxy in worker threads.')
    .usage('<command> [options]')
    .enablePositionalOptions()
    .option('-V, --version', 'print the version')
    .action(async (options: { version?: boolean }) => {
      if (options.version === true) await runProgram(['version'], context);
      else program.outputHelp({ error: true });
      if (options.version !== true) context.exitCode = exitUsage;
    })
    .addHelpText('after', '\nExample:\n  heddle demo')
    .helpCommand('help [command]', 'show the help of a command');
  const word = args.find((arg) => !arg.startsWith('-'));
  const asked = commands.find(({ name }) => name === word);
  if (word !== undefined && word !== 'help' && asked === undefined) {
    const known = commands.map(({ name }) => name).join(', ');
    context.note(`heddle: no command ${cleanText(word)}; there are ${known}\n`);
    context.exitCode = exitUsage;
    return;
  }
  for (const { create } of asked === undefined ? commands : [asked]) {
    program.addCommand(await create(context));
  }
  harden(program, context);
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const isAnswer = error.code === 'commander.helpDisplayed' || error.code === 'commander.help';
    context.exitCode = isAnswer && error.exitCode === 0 ? 0 : exitUsage;
  }
}

/** No command ends the process by itself, and none takes words that it does not know. */
function harden(command: Command, context: CommandContext): void {
  command
    .exitOverride()
    .allowExcessArguments(false)
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      writeOut: context.print,
      writeErr: context.note,
      getOutHelpWidth: () => helpColumns,
      getErrHelpWidth: () => helpColumns,
    })
    .showHelpAfterError(`(${pathOf(command)} --help)`);
  for (const child of command.commands) harden(child, context);
}

/** `heddle token create` */
function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}

type Create = (context: CommandContext) => Promise<Command>;

const commands: readonly { readonly name: string; readonly create: Create }[] = [
  { name: 'demo', create: async (context) => (await import('./demo.ts')).demoCommand(context) },
  { name: 'proxy', create: async () => (await import('./proxy-help.ts')).proxyCommand() },
  { name: 'run', create: async (context) => (await import('./run.ts')).runCommand(context) },
  { name: 'init', create: async (context) => (await import('./init.ts')).initCommand(context) },
  { name: 'wait', create: async (context) => (await import('./wait.ts')).waitCommand(context) },
  { name: 'sleep', create: async (context) => (await import('./sleep.ts')).sleepCommand(context) },
  { name: 'stop', create: async (context) => (await import('./stop.ts')).stopCommand(context) },
  { name: 'token', create: async (context) => (await import('./token.ts')).tokenCommand(context) },
  { name: 'up', create: async (context) => (await import('./up.ts')).upCommand(context) },
  {
    name: 'validate',
    create: async (context) => (await import('./validate.ts')).validateCommand(context),
  },
  {
    name: 'validate-network',
    create: async (context) => {
      return (await import('./validate-network.ts')).validateNetworkCommand(context);
    },
  },
  { name: 'edges', create: async (context) => (await import('./edges.ts')).edgesCommand(context) },
  {
    name: 'identity',
    create: async (context) => (await import('./identity.ts')).identityCommand(context),
  },
  { name: 'stat', create: async (context) => (await import('./stat.ts')).statCommand(context) },
  {
    name: 'check',
    create: async (context) => (await import('./check.ts')).checkCommand(context),
  },
  {
    name: 'endpoints',
    create: async (context) => (await import('./endpoints.ts')).endpointsCommand(context),
  },
  {
    name: 'version',
    create: async (context) => (await import('./version.ts')).versionCommand(context),
  },
];

/** The same in every terminal, so that docs/CLI.md can show it. */
const helpColumns = 96;
