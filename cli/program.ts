/** All commands as one program: help, usage errors and their exit codes are the same everywhere. */

import { Command, CommanderError } from 'commander';
import { nearestName } from '../core/base/near-name.ts';
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
  const words = args.filter((arg) => !arg.startsWith('-'));
  const isHelp = words[0] === 'help';
  const word = isHelp ? words[1] : words[0];
  const asked = commands.find(({ name }) => name === word);
  if (word !== undefined && asked === undefined) {
    refuseCommand(context, `no command ${cleanText(word)}`, [...commandNames, 'help'], word);
    return;
  }
  for (const { create } of asked === undefined ? commands : [asked]) {
    program.addCommand(await create(context));
  }
  harden(program, context);
  if (isHelp && asked !== undefined) {
    helpWith(program, words.slice(1), context);
    return;
  }
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const isAnswer = error.code === 'commander.helpDisplayed' || error.code === 'commander.help';
    context.exitCode = isAnswer && error.exitCode === 0 ? 0 : exitUsage;
  }
}

/** The help of the command that these words lead to, as `token create`. */
function helpWith(program: Command, words: readonly string[], context: CommandContext): void {
  let command = program;
  for (const word of words) {
    const child = command.commands.find((one) => one.name() === word);
    if (child === undefined) {
      const names = command.commands.map((one) => one.name());
      const problem = `${command.name()} has no command ${cleanText(word)}`;
      refuseCommand(context, problem, names, word);
      return;
    }
    command = child;
  }
  command.outputHelp();
}

function refuseCommand(
  context: CommandContext,
  problem: string,
  names: readonly string[],
  word: string,
): void {
  const near = nearestName(word, names, Math.min(2, word.length / 2));
  const known = names.length === 0 ? '' : `; there are ${names.join(', ')}`;
  context.note(`heddle: ${problem}${near === null ? known : `; did you mean ${near}?`}\n`);
  context.exitCode = exitUsage;
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

const commandNames = commands.map(({ name }) => name);

/** The same in every terminal, so that docs/CLI.md can show it. */
const helpColumns = 96;
