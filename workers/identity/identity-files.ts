/**
 * What a proxy keeps of its identity on disk, so that one that starts while the control plane is
 * away is certified by what it has: `key.p8`, `leaf.crt` with its intermediates, `bundle.crt`. Each
 * is replaced as a whole. What is read is believed only when it fits together and is valid now.
 */

import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { identityFileBytesMax } from '../../core/base/limits.ts';
import { makeFolder } from '../../core/base/make-folder.ts';
import { nodeErrorCode } from '../../core/base/node-error.ts';
import { readBounded } from './bounded-file.ts';
import { replaceFile } from './replace-file.ts';

interface IdentityTexts {
  /** PKCS#8, DER; null: somebody else keeps it. */
  readonly key: Buffer | null;
  readonly leaf: string;
  readonly bundle: string;
}

interface FilesEnv {
  readonly warn: (message: string, fields: Readonly<Record<string, string>>) => void;
}

export class IdentityFiles {
  readonly folder: string;
  readonly #env: FilesEnv;
  /** As they are on disk, as far as is known. */
  readonly #written = new Map<string, Buffer>();
  #next: IdentityTexts | null = null;
  #writing: Promise<void> | null = null;

  constructor(env: FilesEnv, folder: string) {
    this.#env = env;
    this.folder = folder;
  }

  /** Null for one that is not there. */
  async load(name: FileName): Promise<Buffer | null> {
    const path = join(this.folder, name);
    const bytes = await readBounded(path, identityFileBytesMax, name === 'key.p8');
    if (Buffer.isBuffer(bytes)) {
      this.#written.set(name, bytes);
      return bytes;
    }
    if (!bytes.isMissing)
      this.#env.warn('a file of identity is not used', { file: path, reason: bytes.problem });
    return null;
  }

  /** Of several that come while one is written, the newest is. */
  save(texts: IdentityTexts): void {
    this.#next = texts;
    this.#writing ??= this.#writeAll();
  }

  /** What was given has been written. */
  async close(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    for (let texts = this.#next; texts !== null; texts = this.#next) {
      this.#next = null;
      await this.#write(texts);
    }
    this.#writing = null;
  }

  /** In this order what is on disk fits together, or the leaf does not fit and is not used. */
  async #write({ key, leaf, bundle }: IdentityTexts): Promise<void> {
    try {
      makeFolder(this.folder);
      await chmod(this.folder, 0o700);
      if (key !== null) await this.#replace('key.p8', key);
      if (bundle !== '') await this.#replace('bundle.crt', Buffer.from(bundle));
      if (leaf !== '') await this.#replace('leaf.crt', Buffer.from(leaf));
    } catch (error) {
      const reason = nodeErrorCode(error);
      this.#env.warn('the identity cannot be kept on disk', { folder: this.folder, reason });
    }
  }

  async #replace(name: FileName, bytes: Buffer): Promise<void> {
    if (this.#written.get(name)?.equals(bytes) === true) return;
    await replaceFile(join(this.folder, name), bytes);
    this.#written.set(name, bytes);
  }
}

type FileName = 'key.p8' | 'leaf.crt' | 'bundle.crt';
