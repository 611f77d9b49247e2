/**
 * Where the right to announce a name comes from: a file that was named, `HEDDLE_TOKEN`, or the file
 * that `heddle up` leaves for its local user. Read at each attempt, because it may come or change.
 */

import { join } from 'node:path';
import { readSecretFile } from '../../control/issuer/secret-file.ts';
import type { Token } from './registration.ts';

interface TokenPlaces {
  readonly tokenFile: string | null;
  readonly environmentToken: string | undefined;
  /** Where `heddle up` keeps its state unless it is told otherwise. */
  readonly upFolder: string | null;
}

export function createTokenReader(places: TokenPlaces): () => Token {
  const { tokenFile, environmentToken = '', upFolder } = places;
  if (tokenFile === null && environmentToken !== '') {
    const token = environmentToken.trim();
    return () => ({ token });
  }
  const path = tokenFile ?? (upFolder === null ? null : join(upFolder, localTokenFile));
  if (path === null) return () => ({ problem: `there is no token: ${giveOne}` });
  return () => {
    const read = readSecretFile(path);
    if ('text' in read) return { token: read.text.trim() };
    return {
      problem: read.isMissing ? `${read.problem}: ${startOne} or ${giveOne}` : read.problem,
    };
  };
}

const localTokenFile = 'local.token';
const startOne = 'start heddle up as the same user,';
const giveOne = 'give a token by --token-file or HEDDLE_TOKEN';
