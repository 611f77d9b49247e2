/** Runs a firewall tool to its end, and says what its failures mean. */

import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { exitNoPermission, exitUnavailable, InitError } from './init-error.ts';

interface ToolCall {
  /** A path or a name of `$PATH`. */
  readonly program: string;
  readonly args: readonly string[];
  readonly input: string;
}

/** Where a program is; null when there is none that may be run. A path is looked at alone. */
export function findProgram(name: string, path: string): string | null {
  const places = name.includes('/') ? [name] : path.split(delimiter).map((one) => join(one, name));
  for (const place of places) {
    try {
      accessSync(place, constants.X_OK);
      return place;
    } catch {
      // The next one may have it.
    }
  }
  return null;
}

/** What it prints. Throws an `InitError` when it fails. */
export function runTool(call: ToolCall): string {
  const { program, args, input } = call;
  const { status, signal, error, stdout, stderr } = spawnSync(program, args, {
    input,
    encoding: 'utf8',
    timeout: toolTimeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: outputBytesMax,
  });
  if (error === undefined && status === 0) return stdout;
  const said = (stderr ?? '').trim().slice(0, saidCharsMax);
  throw explain(call, said === '' ? (error?.message ?? `ended with ${status ?? signal}`) : said);
}

function explain({ program, args }: ToolCall, said: string): InitError {
  const what = `${[program, ...args].join(' ')}: ${said}`;
  const known = remedies.find(({ pattern }) => pattern.test(said));
  if (known === undefined) return new InitError(what);
  return new InitError(`${what}\n${known.remedy}`, known.exitCode);
}

const remedies: readonly {
  readonly pattern: RegExp;
  readonly remedy: string;
  readonly exitCode?: number;
}[] = [
  {
    pattern: /ENOENT/,
    remedy: 'The program is not there: install the package iptables or nftables.',
    exitCode: exitUnavailable,
  },
  {
    pattern: /EACCES|Permission denied|Operation not permitted|must be root/i,
    remedy:
      'It needs the capability CAP_NET_ADMIN (iptables-legacy also CAP_NET_RAW, and may write ' +
      '/run/xtables.lock): run it as root, or add NET_ADMIN and NET_RAW to the container.',
    exitCode: exitNoPermission,
  },
  {
    pattern: /holding the xtables lock/,
    remedy: 'Another program changes the rules: try again, or wait for it by --use-wait-flag.',
  },
  {
    pattern: /ETIMEDOUT/,
    remedy: 'It has not ended in time: another program may hold the lock of the rules.',
  },
  {
    pattern:
      /table does not exist|No such file or directory|not supported|Could not fetch|initialize/i,
    remedy:
      'The kernel lacks a module: load iptable_nat or nft_chain_nat, nf_nat, xt_REDIRECT, ' +
      'xt_owner, xt_multiport and xt_comment on the host, or choose another --iptables-mode.',
  },
];

const toolTimeoutMs = 60_000;
const outputBytesMax = 64 * 1024 * 1024;
const saidCharsMax = 4_096;
