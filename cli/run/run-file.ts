/**
 * What is known of a process that `heddle run` has started, for `heddle stop`: a file for each,
 * `run/<instance>.json` in the state directory, as long as it runs, beside its proxy's token. Files
 * whose process is gone, or is another by now, are removed by whoever meets them.
 */

import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runFileBytesMax, runFilesMax } from '../../core/base/limits.ts';
import { makeFolder } from '../../core/base/make-folder.ts';
import { readBoot, readProcess } from './process-table.ts';

export interface RunFacts {
  readonly instance: string;
  /** Of `heddle run` itself. */
  readonly pid: number;
  readonly startTicks: string;
  readonly boot: string;
  /** Empty for a client. */
  readonly service: string;
  readonly namespace: string;
  readonly admin: string;
  readonly command: string;
  readonly graceMs: number;
}

/** Null where the kernel does not say who we are. */
export function describeSelf(): Pick<RunFacts, 'pid' | 'startTicks' | 'boot'> | null {
  const { pid } = process;
  const self = readProcess(pid);
  return self === null ? null : { pid, startTicks: self.startTicks, boot: readBoot() };
}

/** Throws what the system says. */
export function writeRunFile(stateFolder: string, facts: RunFacts): void {
  const folder = join(stateFolder, runFolder);
  makeFolder(folder);
  const path = pathOf(stateFolder, facts.instance);
  const fresh = `${path}.new`;
  writeFileSync(fresh, `${JSON.stringify(facts, null, 2)}\n`, { mode: 0o600 });
  renameSync(fresh, path);
}

export function removeRunFile(stateFolder: string, instance: string): void {
  rmSync(tokenPath(stateFolder, instance), { force: true });
  rmSync(pathOf(stateFolder, instance), { force: true });
}

/** Where the proxy of a process reads its token. */
export function tokenPath(stateFolder: string, instance: string): string {
  return join(stateFolder, runFolder, `${instance}.token`);
}

/** Those that run now, in the order of their names. */
export function listRuns(stateFolder: string): RunFacts[] {
  let names: string[];
  try {
    names = readdirSync(join(stateFolder, runFolder));
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .slice(0, runFilesMax)
    .flatMap((name) => {
      const facts = read(join(stateFolder, runFolder, name), name);
      if (facts !== null && isSame(facts)) return [facts];
      if (facts !== null) removeRunFile(stateFolder, facts.instance);
      return [];
    });
}

/** Whether it is still the process that wrote its file. */
export function isSame({ pid, startTicks, boot }: RunFacts): boolean {
  const found = readProcess(pid);
  return (
    found !== null && !found.isZombie && found.startTicks === startTicks && boot === readBoot()
  );
}

/** Null for what none of us has written. */
function read(path: string, name: string): RunFacts | null {
  try {
    const text = readFileSync(path, 'utf8');
    if (text.length > runFileBytesMax) return null;
    const facts = JSON.parse(text) as RunFacts | null;
    if (facts === null || typeof facts !== 'object') return null;
    const { instance, pid, startTicks, boot, service, namespace, admin, command, graceMs } = facts;
    const texts = [instance, startTicks, boot, service, namespace, admin, command];
    const isSound = texts.every((one) => typeof one === 'string') && Number.isFinite(graceMs);
    // A signal to 0, or to what is negative, is one to many processes.
    const isProcess = Number.isSafeInteger(pid) && pid > 0;
    return isSound && isProcess && name === `${instance}.json` ? facts : null;
  } catch {
    return null;
  }
}

function pathOf(stateFolder: string, instance: string): string {
  return join(stateFolder, runFolder, `${instance}.json`);
}

const runFolder = 'run';
