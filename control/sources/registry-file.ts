/**
 * The registry on disk: `registry.json`, for its owner alone, replaced whole, versioned and with a
 * checksum. A file that is not ours or not whole counts as none, and the log names it.
 */

import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { Clock } from '../../core/base/clock.ts';
import { contentDigest } from '../../core/base/content-digest.ts';
import { registryFileBytesMax, registrySaveMs } from '../../core/base/limits.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import { runAfter } from '../model/delay.ts';
import { type Registration, refuseRegistration } from '../model/registration.ts';
import type { SourceLog } from '../model/source.ts';

export interface StoredInstance {
  readonly registration: Registration;
  readonly serving: boolean;
}

interface RegistryFileEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly log: SourceLog;
}

export class RegistryFile {
  readonly #path: string;
  readonly #env: RegistryFileEnv;
  readonly #collect: () => StoredInstance[];
  #cancelSave: (() => void) | null = null;
  #closed = false;
  #saveMs = registrySaveMs;
  #error: string | null = null;

  constructor(path: string, env: RegistryFileEnv, collect: () => StoredInstance[]) {
    this.#path = path;
    this.#env = env;
    this.#collect = collect;
  }

  /** Why it could not be written last; null when it could. */
  get error(): string | null {
    return this.#error;
  }

  /** Null when there is none, or none that can be believed. */
  load(): readonly StoredInstance[] | null {
    let text: string;
    try {
      const { size } = statSync(this.#path);
      if (size > registryFileBytesMax) return this.#ignore(`it has ${size} bytes`);
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return code === 'ENOENT' ? null : this.#ignore(message);
    }
    const stored = parse(text);
    if (typeof stored === 'string') return this.#ignore(stored);
    const good = stored.filter(isStoredInstance);
    if (good.length < stored.length) {
      this.#ignore(`${stored.length - good.length} of its instances are not valid`);
    }
    return good;
  }

  saveSoon(): void {
    if (this.#closed || this.#cancelSave !== null) return;
    this.#cancelSave = runAfter(this.#env.timers, this.#saveMs, () => this.#save());
  }

  /** Writes what has not been written; nothing is written afterwards. */
  close(): void {
    this.#closed = true;
    if (this.#cancelSave !== null) this.#save();
  }

  /** At once and not by promises: the last write is always the newest. */
  #save(): void {
    this.#cancelSave?.();
    this.#cancelSave = null;
    const startMs = this.#env.clock.monotonicMs();
    const draft = `${this.#path}.new`;
    try {
      rmSync(draft, { force: true });
      writeFileSync(draft, format(this.#collect()), { mode: 0o600, flag: 'wx' });
      renameSync(draft, this.#path);
      this.#error = null;
    } catch (error) {
      this.#fail(error);
      this.#saveMs = retryMs;
      this.saveSoon();
      return;
    }
    // A large registry is written less often: at most a twentieth of the time goes into it.
    this.#saveMs = Math.max(registrySaveMs, (this.#env.clock.monotonicMs() - startMs) * 20);
  }

  #fail(error: unknown): void {
    const reason = `${this.#path} cannot be written: ${(error as Error).message}`;
    if (reason === this.#error) return;
    this.#error = reason;
    this.#env.log.warn('the registry is kept in memory only', { reason });
  }

  #ignore(reason: string): null {
    this.#env.log.warn('the registry of an earlier run is ignored', { path: this.#path, reason });
    return null;
  }
}

function format(instances: readonly StoredInstance[]): string {
  const payload = JSON.stringify(instances);
  const checksum = contentDigest(payload);
  return `{"version":${formatVersion},"checksum":"${checksum}","instances":${payload}}\n`;
}

/** The instances, or why there are none. */
function parse(text: string): readonly unknown[] | string {
  try {
    const file: unknown = JSON.parse(text);
    if (typeof file !== 'object' || file === null) return 'it is no registry';
    const { version, checksum, instances } = file as Record<string, unknown>;
    if (version !== formatVersion) return `its version is not ${formatVersion}`;
    if (!Array.isArray(instances)) return 'it has no instances';
    const isWhole = contentDigest(JSON.stringify(instances)) === checksum;
    return isWhole ? instances : 'its checksum does not match';
  } catch {
    return 'it is not valid JSON';
  }
}

function isStoredInstance(value: unknown): value is StoredInstance {
  if (typeof value !== 'object' || value === null) return false;
  const { registration, serving } = value as Record<string, unknown>;
  if (typeof serving !== 'boolean' || typeof registration !== 'object') return false;
  return registration !== null && refuseRegistration(registration as Registration) === null;
}

const formatVersion = 1;
const retryMs = 5_000;
