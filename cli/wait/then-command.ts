/** What follows the wait: a command in our place, or as a child whose end ends the proxy too. */

import { spawn } from 'node:child_process';
import { findProgram } from '../init/run-tool.ts';
import { withoutOwn } from '../run/environment.ts';

interface Followed {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Does not return, unless the command cannot be run: then with the reason. */
export function becomeCommand({ command, environment }: Followed): string {
  const program = findProgram(command[0], environment.PATH ?? usualPath);
  if (program === null) return notFound;
  // Node ignores these, and so would what comes in its place; what is heard becomes usual again.
  for (const signal of ['SIGPIPE', 'SIGXFSZ'] as const) process.on(signal, () => undefined);
  try {
    process.execve?.(program, [...command], withoutOwn(environment));
    return 'this system cannot replace a process';
  } catch (error) {
    return (error as Error).message;
  }
}

/** Its exit code; null when a signal has ended it, and the reason when it has not begun. */
export function runCommand({ command, environment }: Followed): Promise<number | string | null> {
  const [program, ...args] = command;
  return new Promise((settle) => {
    // Heard before there is a child: one that comes a moment later would end us, and not the child.
    process.on('SIGTERM', onTerm);
    const child = spawn(program, args, { stdio: 'inherit', env: withoutOwn(environment) });
    function onTerm(): void {
      child.kill('SIGTERM');
    }
    const end = (outcome: number | string | null): void => {
      process.off('SIGTERM', onTerm);
      settle(outcome);
    };
    child.on('error', (error) => end(error.message));
    child.on('close', (code) => end(code));
  });
}

const notFound = 'there is no such program';
const usualPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
