/**
 * A folder with the last good state of each target, for a proxy that starts while the control plane
 * is away. Files are replaced as a whole, one target's at most once a second; the folder has a
 * bound in files and bytes, and what was written longest ago goes first. Whatever fails here is
 * told and counted, and changes nothing else.
 */

import { chmod, readdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { stateBytesMax, stateFileBytesMax, statesMax, stateWriteMs } from '../base/limits.ts';
import { makeFolder } from '../base/make-folder.ts';
import { nodeErrorCode } from '../base/node-error.ts';
import { Timer, type TimerOwner, type TimerWheel } from '../base/timers.ts';
import type { DiscoveryCounters } from './counters.ts';
import { readState, type StoredState, stateFileName, writeState } from './state-file.ts';

interface StoreEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly counters: DiscoveryCounters;
  readonly log: {
    warn(message: string, fields?: Readonly<Record<string, string | number>>): void;
  };
}

export class StateStore implements TimerOwner {
  readonly #env: StoreEnv;
  readonly #folder: string;
  readonly #workload: string;
  readonly #filesMax: number;
  readonly #bytesMax: number;
  /** Bytes of each file, the one that was written longest ago first. */
  readonly #files = new Map<string, number>();
  #bytes = 0;
  /** What waits to be written; null: the file is to go. */
  readonly #dirty = new Map<string, StoredState | null>();
  readonly #timer = new Timer(this);
  readonly #opened: Promise<void>;
  #isOpen = false;
  #writing = false;
  #wroteMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(
    env: StoreEnv,
    folder: string,
    workload: string,
    bounds = { filesMax: statesMax, bytesMax: stateBytesMax },
  ) {
    this.#env = env;
    this.#folder = folder;
    this.#workload = workload;
    this.#filesMax = bounds.filesMax;
    this.#bytesMax = bounds.bytesMax;
    this.#opened = this.#open();
  }

  /** Null when there is none that can be used. */
  async load(key: string): Promise<StoredState | null> {
    await this.#opened;
    const name = stateFileName(key);
    const size = this.#files.get(name);
    if (size === undefined) return null;
    const read = await this.#read(name, size, key);
    if (typeof read !== 'string') {
      this.#env.counters.statesLoaded += 1;
      return read;
    }
    this.#env.counters.statesRefused += 1;
    this.#warn('a state on disk is not used', name, read);
    return null;
  }

  /** There is a state of this workload. Looks at the newest few, not at all of them. */
  async hasUsable(): Promise<boolean> {
    await this.#opened;
    for (const [name, size] of [...this.#files].slice(-filesTried)) {
      if (typeof (await this.#read(name, size, null)) !== 'string') return true;
    }
    return false;
  }

  /** `state` null: there is nothing to be kept any more. */
  save(key: string, state: StoredState | null): void {
    if (this.#closed) return;
    const isThere = !this.#isOpen || this.#dirty.has(key) || this.#files.has(stateFileName(key));
    if (state === null && !isThere) return;
    this.#dirty.set(key, state);
    this.#schedule();
  }

  /** Writes what waits and then nothing more. */
  async close(): Promise<void> {
    this.#env.timers.cancel(this.#timer);
    this.#closed = true;
    await this.#opened;
    await this.#flush();
  }

  onTimer(): void {
    void this.#flush();
  }

  async #open(): Promise<void> {
    try {
      makeFolder(this.#folder);
      await chmod(this.#folder, 0o700);
      const found: { name: string; size: number; mtimeMs: number }[] = [];
      for (const name of await readdir(this.#folder)) {
        const path = join(this.#folder, name);
        if (name.endsWith(unfinished)) await unlink(path);
        if (!stateName.test(name)) continue;
        const { size, mtimeMs } = await stat(path);
        found.push({ name, size, mtimeMs });
      }
      found.sort((a, b) => a.mtimeMs - b.mtimeMs);
      for (const { name, size } of found) this.#remember(name, size);
      await this.#makeRoom();
      this.#isOpen = true;
    } catch (error) {
      this.#warn('the folder of states cannot be used', '', nodeErrorCode(error));
    }
  }

  async #read(name: string, size: number, key: string | null): Promise<StoredState | string> {
    if (size > stateFileBytesMax) return `it has more than ${stateFileBytesMax} bytes`;
    try {
      return readState(await readFile(join(this.#folder, name)), key, this.#workload);
    } catch (error) {
      return nodeErrorCode(error);
    }
  }

  #schedule(): void {
    if (this.#timer.armed || this.#writing) return;
    const waitMs = this.#wroteMs + stateWriteMs - this.#env.clock.monotonicMs();
    this.#env.timers.arm(this.#timer, Math.max(0, waitMs));
  }

  async #flush(): Promise<void> {
    await this.#opened;
    if (this.#writing) return;
    this.#writing = true;
    this.#wroteMs = this.#env.clock.monotonicMs();
    const batch = [...this.#dirty];
    this.#dirty.clear();
    for (const [key, state] of batch) await this.#write(stateFileName(key), state);
    this.#writing = false;
    if (this.#dirty.size > 0 && !this.#closed) this.#schedule();
  }

  async #write(name: string, state: StoredState | null): Promise<void> {
    const path = join(this.#folder, name);
    try {
      if (state === null) {
        if (this.#files.has(name)) await unlink(path);
        this.#forget(name);
        return;
      }
      const bytes = writeState(state);
      if (bytes.length > stateFileBytesMax) return;
      await writeFile(path + unfinished, bytes, { mode: 0o600 });
      await rename(path + unfinished, path);
      this.#remember(name, bytes.length);
      await this.#makeRoom();
    } catch (error) {
      this.#warn('a state cannot be written', name, nodeErrorCode(error));
    }
  }

  async #makeRoom(): Promise<void> {
    while (this.#files.size > this.#filesMax || this.#bytes > this.#bytesMax) {
      const [oldest] = this.#files.keys();
      this.#forget(oldest);
      await unlink(join(this.#folder, oldest));
    }
  }

  #remember(name: string, size: number): void {
    this.#forget(name);
    this.#files.set(name, size);
    this.#bytes += size;
  }

  #forget(name: string): void {
    this.#bytes -= this.#files.get(name) ?? 0;
    this.#files.delete(name);
  }

  #warn(message: string, name: string, reason: string): void {
    this.#env.log.warn(message, { file: join(this.#folder, name), reason });
  }
}

const filesTried = 8;
const unfinished = '.new';
const stateName = /^[0-9a-f]{32}$/;
