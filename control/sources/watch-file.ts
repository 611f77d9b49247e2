/**
 * Follows one file: its content at first and after every change, and why it cannot be read while
 * it cannot. What the content means is its listener's affair.
 *
 * The folder is watched, because editors and configuration tools replace files by renaming; a
 * look at the file every 2 s covers what the system does not report (NFS, overlays, a folder that
 * was replaced). A text that is empty, or has no newline at its end, may be half written and is
 * believed when it has stayed the same for 0.3 s.
 */

import { type FSWatcher, watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Clock } from '../../core/base/clock.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import { runAfter } from '../model/delay.ts';

interface FileListener {
  onContent(text: string): void;
  /** The file is still what `onContent` was told last. */
  onUnchanged?(): void;
  /** Told again with every look while it lasts. */
  onError(reason: string): void;
}

export interface WatchFileEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
}

/** Watches `path` until the returned function is called. Files over `bytesMax` are an error. */
export function watchFile(
  path: string,
  bytesMax: number,
  env: WatchFileEnv,
  listener: FileListener,
): () => void {
  const watched = new WatchedFile(path, bytesMax, env, listener);
  return () => watched.close();
}

type Look =
  | { readonly kind: 'same' }
  | { readonly kind: 'unsettled' }
  | { readonly kind: 'content'; readonly text: string }
  | { readonly kind: 'error'; readonly reason: string };

class WatchedFile {
  readonly #path: string;
  readonly #bytesMax: number;
  readonly #env: WatchFileEnv;
  readonly #listener: FileListener;
  #folder: FSWatcher | null = null;
  #cancelLook: (() => void) | null = null;
  #isSoon = false;
  #looking = false;
  /** Something happened while we looked. */
  #again = false;
  #closed = false;
  /** Identity and time stamps of the file whose content the listener has. */
  #known = '';
  /** The same of a file that may be half written, and since when it is so. */
  #unsettled = { print: '', sinceMs: 0 };

  constructor(path: string, bytesMax: number, env: WatchFileEnv, listener: FileListener) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#env = env;
    this.#listener = listener;
    this.#watchFolder();
    void this.#look();
  }

  close(): void {
    this.#closed = true;
    this.#cancelLook?.();
    this.#folder?.close();
    this.#folder = null;
  }

  #watchFolder(): void {
    if (this.#folder !== null) return;
    const own = basename(this.#path);
    try {
      this.#folder = watch(dirname(this.#path), { persistent: false }, (_event, name) => {
        // A mounted ConfigMap changes by its `..data` link.
        if (name === own || name === null || name === '..data') this.#lookSoon();
      });
      this.#folder.on('error', () => this.#unwatchFolder());
    } catch {
      // No such folder, or out of watches: looking every 2 s has to do, and tries again.
      this.#folder = null;
    }
  }

  #unwatchFolder(): void {
    this.#folder?.close();
    this.#folder = null;
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
    this.#cancelLook = runAfter(this.#env.timers, delayMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const look = await this.#read();
    this.#looking = false;
    if (this.#closed) return;
    this.#watchFolder();
    const restMs = look.kind === 'unsettled' ? settleMs : pollMs;
    this.#lookAfter(this.#again ? debounceMs : restMs);
    this.#again = false;
    switch (look.kind) {
      case 'content':
        this.#listener.onContent(look.text);
        break;
      case 'same':
        this.#listener.onUnchanged?.();
        break;
      case 'error':
        this.#listener.onError(look.reason);
        break;
      case 'unsettled':
        break;
    }
  }

  async #read(): Promise<Look> {
    try {
      const before = await stat(this.#path, { bigint: true });
      const print = fingerprint(before);
      if (print === this.#known) return { kind: 'same' };
      // Reading a pipe or a device would not end.
      if (!before.isFile()) return this.#fail('it is not a regular file');
      if (before.size > BigInt(this.#bytesMax)) {
        return this.#fail(`it has ${before.size} bytes, more than ${this.#bytesMax}`);
      }
      const text = await readFile(this.#path, 'utf8');
      const after = await stat(this.#path, { bigint: true });
      if (fingerprint(after) !== print) {
        this.#again = true;
        return { kind: 'unsettled' };
      }
      if (!text.endsWith('\n') && !this.#hasSettled(print, Number(after.mtimeMs))) {
        return { kind: 'unsettled' };
      }
      this.#known = print;
      return { kind: 'content', text: text.startsWith('\uFEFF') ? text.slice(1) : text };
    } catch (error) {
      return this.#fail(describe(error));
    }
  }

  /** By its age, or where the clock of its disk is not ours, by what we have seen. */
  #hasSettled(print: string, modifiedWallMs: number): boolean {
    const { clock } = this.#env;
    const nowMs = clock.monotonicMs();
    if (clock.wallMs() - modifiedWallMs >= settleMs) return true;
    if (this.#unsettled.print === print) return nowMs - this.#unsettled.sinceMs >= settleMs;
    this.#unsettled = { print, sinceMs: nowMs };
    return false;
  }

  #fail(reason: string): Look {
    this.#known = '';
    return { kind: 'error', reason };
  }
}

function fingerprint(stats: {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
}

function describe(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' ? 'it does not exist' : `it cannot be read: ${message}`;
}

const debounceMs = 50;
const settleMs = 300;
const pollMs = 2_000;
