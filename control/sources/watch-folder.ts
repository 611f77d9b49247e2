/**
 * Follows the files of one folder, not of folders in it: each file's text at first and after every
 * change, then which files there are. What a text means is its listener's affair.
 *
 * The system's reports are followed by a look at everything, and without reports there is one every
 * 2 s. A text that is empty, or has no newline at its end, may be half written and is believed when
 * it has not changed for half a second.
 */

import { type FSWatcher, type Stats, watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../core/base/clock.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import { runAfter } from '../model/delay.ts';

interface FolderListener {
  /** A file is new or has changed; `onLook` follows. */
  onFile(name: string, text: string): void;
  /** The folder was seen whole. `problems` says, by name, which files cannot be read and why. */
  onLook(names: ReadonlySet<string>, problems: ReadonlyMap<string, string>): void;
  /** The folder cannot be read. Told again with every look while it lasts. */
  onError(reason: string): void;
}

interface WatchFolderOptions {
  readonly path: string;
  /** Which names count. */
  readonly names: RegExp;
  readonly filesMax: number;
  readonly bytesMax: number;
  readonly clock: Clock;
  readonly timers: TimerWheel;
}

/** Watches until the returned function is called. */
export function watchFolder(options: WatchFolderOptions, listener: FolderListener): () => void {
  const watched = new WatchedFolder(options, listener);
  return () => watched.close();
}

type FileLook =
  | { readonly kind: 'same' | 'unsettled' | 'gone' }
  | { readonly kind: 'content'; readonly text: string }
  | { readonly kind: 'error'; readonly reason: string };

class WatchedFolder {
  readonly #options: WatchFolderOptions;
  readonly #listener: FolderListener;
  #watcher: FSWatcher | null = null;
  /** Which folder the watcher is at: another may have taken its path. */
  #watched = '';
  #cancelLook: (() => void) | null = null;
  #isSoon = false;
  #looking = false;
  /** Something happened while we looked. */
  #again = false;
  #closed = false;
  #hasLooked = false;
  /** Identity and time stamps of what the listener has, by name. */
  #known = new Map<string, string>();
  /** Files that may be half written, and since when they are as they are. */
  #unsettled = new Map<string, { readonly print: string; readonly sinceMs: number }>();

  constructor(options: WatchFolderOptions, listener: FolderListener) {
    this.#options = options;
    this.#listener = listener;
    void this.#look();
  }

  close(): void {
    this.#closed = true;
    this.#cancelLook?.();
    this.#unwatch();
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    let delayMs = pollMs;
    try {
      if (await this.#readAll()) delayMs = settleMs;
    } catch (error) {
      if (!this.#closed) this.#listener.onError(describe(error));
    }
    this.#looking = false;
    if (this.#closed) return;
    this.#lookAfter(this.#again ? debounceMs : delayMs);
    this.#again = false;
  }

  /** Whether a file has to settle first. */
  async #readAll(): Promise<boolean> {
    const { path, names: pattern, filesMax } = this.#options;
    const folder = await stat(path);
    if (this.#closed) return false;
    if (!folder.isDirectory()) throw new Error('it is not a folder');
    this.#watch(`${folder.dev}:${folder.ino}`);
    const names = (await readdir(path)).filter((name) => pattern.test(name)).toSorted();
    if (names.length > filesMax) {
      throw new Error(`it has ${names.length} files, more than ${filesMax}`);
    }
    const found = new Set<string>();
    const problems = new Map<string, string>();
    let unsettled = false;
    for (const name of names) {
      const look = await this.#readOne(name);
      if (this.#closed) return false;
      if (look.kind === 'gone') {
        // By now it may be there under another name.
        this.#again = true;
        continue;
      }
      found.add(name);
      if (look.kind === 'content') this.#listener.onFile(name, look.text);
      else if (look.kind === 'error') problems.set(name, look.reason);
      else if (look.kind === 'unsettled') unsettled = true;
    }
    for (const seen of [this.#known, this.#unsettled]) {
      for (const name of seen.keys()) if (!found.has(name)) seen.delete(name);
    }
    // At first nothing is known until all is.
    if (unsettled && !this.#hasLooked) return true;
    this.#hasLooked = true;
    this.#listener.onLook(found, problems);
    return unsettled;
  }

  async #readOne(name: string): Promise<FileLook> {
    const path = join(this.#options.path, name);
    try {
      const before = await stat(path);
      const print = fingerprint(before);
      if (print === this.#known.get(name)) return { kind: 'same' };
      // Reading a pipe or a device would not end.
      if (!before.isFile()) return this.#fail(name, 'it is not a regular file');
      const { bytesMax } = this.#options;
      if (before.size > bytesMax) {
        return this.#fail(name, `it has ${before.size} bytes, more than ${bytesMax}`);
      }
      const text = await readFile(path, 'utf8');
      const isWhole = text.endsWith('\n') || this.#hasSettled(name, print, before);
      if (!isWhole || fingerprint(await stat(path)) !== print) return { kind: 'unsettled' };
      this.#known.set(name, print);
      return { kind: 'content', text: text.startsWith('\uFEFF') ? text.slice(1) : text };
    } catch (error) {
      const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT';
      return isGone ? { kind: 'gone' } : this.#fail(name, describe(error));
    }
  }

  #fail(name: string, reason: string): FileLook {
    this.#known.delete(name);
    return { kind: 'error', reason };
  }

  /** By its age, or where the clock of its disk is not ours, by what we have seen. */
  #hasSettled(name: string, print: string, stats: Stats): boolean {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const ageMs = clock.wallMs() - Math.max(stats.mtimeMs, stats.ctimeMs);
    const seen = this.#unsettled.get(name);
    if (ageMs >= settleMs || (seen?.print === print && nowMs - seen.sinceMs >= settleMs)) {
      this.#unsettled.delete(name);
      return true;
    }
    if (seen?.print !== print) this.#unsettled.set(name, { print, sinceMs: nowMs });
    return false;
  }

  #watch(identity: string): void {
    if (this.#watcher !== null && this.#watched === identity) return;
    this.#unwatch();
    this.#watched = identity;
    try {
      this.#watcher = watch(this.#options.path, { persistent: false }, () => this.#lookSoon());
      this.#watcher.on('error', () => this.#unwatch());
    } catch {
      // Out of watches: the look every 2 s has to do, and tries again.
      this.#watcher = null;
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = null;
  }

  #lookSoon(): void {
    if (this.#closed) return;
    if (this.#looking) this.#again = true;
    // A file that never rests does not put the look off.
    else if (!this.#isSoon) this.#lookAfter(debounceMs);
  }

  #lookAfter(delayMs: number): void {
    this.#cancelLook?.();
    this.#isSoon = delayMs === debounceMs;
    this.#cancelLook = runAfter(this.#options.timers, delayMs, () => void this.#look());
  }
}

function fingerprint({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`;
}

function describe(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'it does not exist';
  return code === undefined ? message : `it cannot be read: ${message}`;
}

const debounceMs = 50;
const settleMs = 500;
const pollMs = 2_000;
