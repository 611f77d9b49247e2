/** Runs a command of `cli/` in this process, and returns what it said. */

import type { CommandContext } from '../../cli/context.ts';
import { runProgram } from '../../cli/program.ts';

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Not on a terminal, and without a folder that would stay behind. */
export async function runCli(args: readonly string[], color = false): Promise<Outcome> {
  let out = '';
  let err = '';
  const context: CommandContext = {
    print: (text) => {
      out += text;
    },
    note: (text) => {
      err += text;
    },
    live: false,
    color,
    columns: Number.POSITIVE_INFINITY,
    cacheFolder: null,
    stateFolder: null,
    environment: {},
    exitCode: 0,
  };
  await runProgram(args, context);
  return { code: context.exitCode, out, err };
}
