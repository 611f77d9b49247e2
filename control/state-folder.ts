/**
 * The folder where a control plane keeps what a restart needs: who has joined, the key that signs
 * join tokens, and a token for the user whose folder it is. One control plane has it at a time.
 */

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { localTokenMs } from '../core/base/limits.ts';
import { makeFolder } from '../core/base/make-folder.ts';
import { type JoinKey, joinKeyFile, localTokenFile, openJoinKey } from './issuer/join-key.ts';
import { createJoinToken, type JoinClaims } from './issuer/join-token.ts';
import { writeSecretFile } from './issuer/secret-file.ts';
import { processStart } from './model/process-start.ts';

/** What is wrong with the folder or the key, as a sentence with what to do. */
export class StateError extends Error {
  override readonly name = 'StateError';
}

export interface StateFolder {
  readonly joinKey: JoinKey;
  readonly registryPath: string;
  /** Of roots and issuer. */
  readonly identityPath: string;
  /** Writes the token of the user whose folder it is: the right to any name. */
  writeLocalToken(claims: Pick<JoinClaims, 'trustDomain' | 'pins'>, wallMs: number): void;
  /** The key of join tokens is new: nobody can have joined before. */
  readonly isFirst: boolean;
  /** Lets another control plane have it. */
  close(): void;
}

interface StateFolderOptions {
  readonly path: string;
  /** Of a key that several control planes share; null for one of its own. */
  readonly joinKeyPath: string | null;
}

export function openStateFolder(options: StateFolderOptions): StateFolder {
  const { path, joinKeyPath } = options;
  try {
    makeFolder(path);
  } catch (error) {
    throw new StateError(`--state-dir: cannot make ${path}: ${messageOf(error)}`);
  }
  const release = claim(path);
  try {
    const isFirst = !existsSync(joinKeyPath ?? join(path, joinKeyFile));
    const joinKey = openJoinKey(path, joinKeyPath ?? undefined);
    if ('problem' in joinKey) throw new StateError(joinKey.problem);
    const { privateKey } = joinKey;
    return {
      joinKey,
      registryPath: join(path, 'registry.json'),
      identityPath: join(path, 'identity'),
      writeLocalToken: (claims, wallMs) => {
        const expiresWallMs = wallMs + localTokenMs;
        const any = { namespace: '*', service: '*', expiresWallMs };
        const token = createJoinToken(privateKey, { ...any, ...claims });
        writeSecretFile(join(path, localTokenFile), `${token}\n`);
      },
      isFirst,
      close: release,
    };
  } catch (error) {
    release();
    if (error instanceof StateError) throw error;
    throw new StateError(`--state-dir: cannot write to ${path}: ${messageOf(error)}`);
  }
}

/** A file says who has the folder; one whose process is gone says nothing. */
function claim(path: string): () => void {
  const file = join(path, 'up.pid');
  claims += 1;
  const own = `${process.pid} ${processStart(process.pid)} ${claims}\n`;
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    try {
      writeSecretFile(file, own, true);
    } catch (error) {
      throw new StateError(`--state-dir: cannot write to ${path}: ${messageOf(error)}`);
    }
    const found = read(file);
    if (found === own) {
      return () => {
        if (read(file) === own) rmSync(file, { force: true });
      };
    }
    const [pid, start] = found.trim().split(' ');
    if (start !== undefined && start === processStart(Number(pid))) {
      throw new StateError(
        `--state-dir: ${path} is in use by the heddle up of process ${pid}; ` +
          'stop it, or name another folder',
      );
    }
    rmSync(file, { force: true });
  }
  throw new StateError(`--state-dir: ${path} is being taken by others; name another folder`);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const attemptsMax = 5;
/** Tells the claims of one process apart. */
let claims = 0;
