/**
 * Who the proxy of an application proves to be, and the file that it reads its token from: our own,
 * so that it is the same for all places a token can come from, and can be followed. The token is
 * read and not verified, which only the issuer can.
 */

import { rmSync } from 'node:fs';
import { writeSecretFile } from '../../control/issuer/secret-file.ts';
import { runAfter } from '../../control/model/delay.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import { readTokenHints } from '../../core/identity/token.ts';
import type { Token } from './registration.ts';

/**
 * As the proxy's setting has it, `web.demo`; empty where the token is of a control plane without
 * an issuer. One that is not there yet may come: nothing is sent in plaintext meanwhile.
 */
export function chooseIdentity(token: Token, service: string | null, namespace: string): string {
  const hasIssuer = 'problem' in token || readTokenHints(token.token).trustDomain !== '';
  return hasIssuer ? `${service ?? clientAccount}.${namespace}` : '';
}

interface TokenFileEnv {
  readonly timers: TimerWheel;
  readonly readToken: () => Token;
  /** A line for a person. */
  readonly say: (line: string) => void;
}

export class TokenFile {
  readonly #path: string;
  readonly #env: TokenFileEnv;
  #written = '';
  #said = '';
  #tries = 0;
  #cancel: () => void = () => undefined;

  /** There is one from now on, or as soon as there is a token. */
  constructor(path: string, env: TokenFileEnv) {
    this.#path = path;
    this.#env = env;
    this.#follow();
  }

  close(): void {
    this.#cancel();
    rmSync(this.#path, { force: true });
  }

  #follow(): void {
    const read = this.#env.readToken();
    if ('token' in read && read.token !== this.#written) this.#write(read.token);
    this.#tries += 1;
    if ('problem' in read && this.#written === '' && this.#tries > quietTries) {
      this.#say(`the proxy gets no token: ${read.problem}`);
    }
    const pauseMs = this.#written === '' ? eagerMs : calmMs;
    this.#cancel = runAfter(this.#env.timers, pauseMs, () => this.#follow());
  }

  #write(token: string): void {
    try {
      writeSecretFile(this.#path, `${token}\n`);
      this.#written = token;
    } catch (error) {
      this.#say(`the proxy gets no token: ${(error as Error).message}`);
    }
  }

  #say(line: string): void {
    if (line !== this.#said) this.#env.say(line);
    this.#said = line;
  }
}

/** The service account of what is no service, as in Kubernetes. */
const clientAccount = 'default';
const eagerMs = 200;
/** A heddle up that has just been started may still make it. */
const quietTries = 5;
const calmMs = 5_000;
