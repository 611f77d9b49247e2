/** Where and of what a figure was taken: a number without these is not to be published. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, release, totalmem } from 'node:os';
import { projectDir } from './peer.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly kernel: string;
  readonly node: string;
  readonly commit: string;
}

export function describeMachine(): Machine {
  return {
    cpu: `${cpus()[0]?.model.trim() ?? 'unknown'} (${arch()})`,
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    system: readSystemName(),
    kernel: release(),
    node: process.version,
    commit: readCommit(),
  };
}

function readSystemName(): string {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux';
  } catch {
    return 'Linux';
  }
}

/** With `+` when the files differ from it. */
function readCommit(): string {
  try {
    const changed = runGit('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+';
    return runGit('rev-parse', '--short', 'HEAD') + changed;
  } catch {
    return 'unknown';
  }
}

function runGit(...args: string[]): string {
  return execFileSync('git', ['-C', projectDir, ...args], { encoding: 'utf8' }).trim();
}
