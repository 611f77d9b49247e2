/**
 * Where `cli/heddle` enters. Knows the process, its arguments and its environment, and loads no
 * more than the command that was asked for: a sidecar must stay small.
 */

import { type CommandContext, exitFailure } from './context.ts';

async function main(args: readonly string[]): Promise<void> {
  const context = createContext();
  quietBrokenPipe();
  try {
    if (args[0] === 'proxy' && !args.some((arg) => arg === '--help' || arg === '-h')) {
      const { runProxyCommand } = await import('./proxy.ts');
      context.exitCode = await runProxyCommand(args.slice(1), context);
    } else {
      const { runProgram } = await import('./program.ts');
      await runProgram(args, context);
    }
  } catch (error) {
    // A failure that no command foresaw is our bug: the stack says where.
    context.note(`heddle: ${error instanceof Error ? error.stack : String(error)}\n`);
    context.exitCode = exitFailure;
  }
  process.exitCode = context.exitCode;
}

function createContext(): CommandContext {
  const { NO_COLOR: noColor = '', FORCE_COLOR: forceColor = '', TERM: term = '' } = process.env;
  const live = process.stdout.isTTY;
  const forced = forceColor !== '' && forceColor !== '0';
  return {
    print: (text) => process.stdout.write(text),
    note: (text) => process.stderr.write(text),
    live: live && term !== 'dumb',
    color: noColor === '' && (forced || (live && term !== 'dumb')),
    get columns() {
      // A terminal that does not know its size says 0.
      return process.stdout.columns || Number.POSITIVE_INFINITY;
    },
    cacheFolder: findFolder(process.env.XDG_CACHE_HOME, '.cache'),
    stateFolder: findFolder(process.env.XDG_STATE_HOME, '.local/state'),
    environment: process.env,
    exitCode: 0,
  };
}

/** Relative ones are to be ignored, says the XDG Base Directory Specification. */
function findFolder(named = '', usual: string): string | null {
  const { HOME: home = '' } = process.env;
  if (named.startsWith('/')) return `${named}/heddle`;
  return home.startsWith('/') ? `${home}/${usual}/heddle` : null;
}

/** `heddle stat | head` ends without a word when head has enough. */
function quietBrokenPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    process.stderr.write(`heddle: cannot write the output: ${error.message}\n`);
    process.exit(exitFailure);
  });
  // There is nobody to tell, and what a command looks after goes on.
  process.stderr.on('error', () => undefined);
}

await main(process.argv.slice(2));
