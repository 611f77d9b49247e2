/** Runs `cli/heddle` to its end and returns what it said. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const executable = resolve(import.meta.dirname, '../../cli/heddle');

/** Without colours, as long as `environment` does not force them. */
export async function runCli(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const child = spawn(executable, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '', FORCE_COLOR: '', ...environment },
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}
