/**
 * Configurations that were read and found valid, kept on disk with their text: a file that has not
 * changed since needs no process that reads it. An entry is used only by the very reader that made
 * it, on the same Node, for the same path and text; whatever else is found there counts as nothing,
 * and so does every failure.
 */

import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { contentDigest } from '../../core/base/content-digest.ts';
import { configBytesMax, configCacheBytesMax, configsCachedMax } from '../../core/base/limits.ts';
import { makeFolder } from '../../core/base/make-folder.ts';
import type { LoadedConfig } from '../model/loaded-config.ts';

export class ConfigCache {
  readonly #folder: string;
  readonly #reader: string;

  /** `readerPath`: the file with the code that reads configurations. */
  constructor(folder: string, readerPath: string) {
    this.#folder = folder;
    this.#reader = identify(readerPath);
  }

  /** The configuration in the file at `path`, or null when somebody has to read it. */
  find(path: string): LoadedConfig | null {
    try {
      const text = readBounded(path, configBytesMax, 0);
      const kept = readBounded(this.#fileOf(path), configCacheBytesMax, constants.O_NOFOLLOW);
      const lineEnd = kept.indexOf('\n');
      const payload = kept.slice(lineEnd + 1);
      if (contentDigest(payload) !== kept.slice(0, lineEnd)) return null;
      const entry = JSON.parse(payload) as Entry;
      const isSame = entry.reader === this.#reader && entry.text === text;
      return isSame && entry.config.path === path ? entry.config : null;
    } catch {
      return null;
    }
  }

  /** Keeps a configuration that was found valid; readers see all of it or nothing. */
  keep(config: LoadedConfig): void {
    try {
      this.#write(config);
    } catch {
      // Then the next start has to read the file again.
    }
  }

  #write(config: LoadedConfig): void {
    const text = readBounded(config.path, configBytesMax, 0);
    // It may have changed since it was read.
    if (contentDigest(text) !== config.digest) return;
    const entry: Entry = { reader: this.#reader, text, config };
    const payload = JSON.stringify(entry);
    // A character takes three bytes at the most.
    if (payload.length * 3 > configCacheBytesMax) return;
    makeFolder(this.#folder);
    if (!isOwnFolder(this.#folder)) return;
    const file = this.#fileOf(config.path);
    const draft = `${file}.${process.pid}`;
    try {
      writeFileSync(draft, `${contentDigest(payload)}\n${payload}`, { mode: 0o600, flag: 'wx' });
      renameSync(draft, file);
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    }
    this.#prune();
  }

  #fileOf(path: string): string {
    return join(this.#folder, `config-${contentDigest(path)}`);
  }

  /** Drops the oldest: paths of files that come and go would fill the disk. */
  #prune(): void {
    const names = readdirSync(this.#folder).filter((name) => name.startsWith('config-'));
    if (names.length <= configsCachedMax) return;
    const files = names.map((name) => {
      const file = join(this.#folder, name);
      return { file, atMs: statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0 };
    });
    files.sort((a, b) => b.atMs - a.atMs);
    for (const { file } of files.slice(configsCachedMax)) rmSync(file, { force: true });
  }
}

interface Entry {
  readonly reader: string;
  readonly text: string;
  readonly config: LoadedConfig;
}

/** A build writes the reader anew: no other has its place, size and time. */
function identify(readerPath: string): string {
  const stat = statSync(readerPath, { throwIfNoEntry: false });
  return `${process.version} ${readerPath} ${stat?.size} ${stat?.ino} ${stat?.mtimeMs}`;
}

function isOwnFolder(path: string): boolean {
  const { uid, mode } = lstatSync(path);
  return uid === process.geteuid?.() && (mode & 0o170022) === constants.S_IFDIR;
}

/** Text of a regular file; with O_NOFOLLOW also: nobody else may have written it. */
function readBounded(path: string, bytesMax: number, flags: number): string {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | flags);
  try {
    const stat = fstatSync(descriptor);
    const isOwn = stat.uid === process.geteuid?.() && (stat.mode & 0o077) === 0;
    if (!stat.isFile() || stat.size > bytesMax || (flags !== 0 && !isOwn)) throw new Error(path);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}
