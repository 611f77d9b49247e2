/**
 * The key that signs join tokens: Ed25519, in the state directory of the control plane, whose
 * instances share it. What is signed is the matter of `join-token.ts`.
 */

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { join } from 'node:path';
import { type JoinClaims, verifyJoinToken } from './join-token.ts';
import { readSecretFile, writeSecretFile } from './secret-file.ts';

export interface JoinKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export interface KeyProblem {
  /** A sentence without its full stop that names the file. */
  readonly problem: string;
}

/**
 * Makes it when there is none, at `path` where several instances share it. Of several that do so
 * at once, all get the key of the first.
 */
export function openJoinKey(
  stateFolder: string,
  path = join(stateFolder, joinKeyFile),
): JoinKey | KeyProblem {
  const first = readSecretFile(path);
  if (!('isMissing' in first && first.isMissing)) return parse(path, first);
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  try {
    writeSecretFile(path, pem, true);
  } catch (error) {
    return { problem: `cannot write ${path}: ${(error as Error).message}` };
  }
  return parse(path, readSecretFile(path));
}

/** For who signs with it beside the control plane, which has to have made it. */
export function readJoinKey(stateFolder: string): JoinKey | KeyProblem {
  const path = join(stateFolder, joinKeyFile);
  const read = readSecretFile(path);
  if (!('isMissing' in read && read.isMissing)) return parse(path, read);
  return { problem: `${read.problem}: heddle up makes it, in its own --state-dir` };
}

/** What the local user's token says of the mesh, for other tokens to say it too. */
export function readLocalClaims(
  stateFolder: string,
  { publicKey }: JoinKey,
  nowWallMs: number,
): JoinClaims | KeyProblem {
  const path = join(stateFolder, localTokenFile);
  const read = readSecretFile(path);
  const remedy = 'start heddle up, which writes it';
  if ('problem' in read) return { problem: `${read.problem}: ${remedy}` };
  const claims = verifyJoinToken(publicKey, read.text.trim(), nowWallMs);
  return 'refusal' in claims ? { problem: `${path} is not of this key: ${remedy}` } : claims;
}

function parse(path: string, read: ReturnType<typeof readSecretFile>): JoinKey | KeyProblem {
  if ('problem' in read) return read;
  try {
    const privateKey = createPrivateKey(read.text);
    if (privateKey.asymmetricKeyType === 'ed25519') {
      return { privateKey, publicKey: createPublicKey(privateKey) };
    }
  } catch {
    // Said below: what the parser says about bytes of a key belongs into no log.
  }
  return { problem: `${path} is no Ed25519 key: remove it, and heddle up makes another` };
}

export const joinKeyFile = 'join.key';
/** In the same folder: the right to any name, of the user whose folder it is. */
export const localTokenFile = 'local.token';
