/**
 * What an issuer keeps between runs, in the folder `identity/`: each key with its certificate in
 * one file, so that no crash parts them; beside it the certificates alone, for whoever wants to see
 * them. Several control planes may share the folder: who changes it has its lock, reads it again
 * first, and writes `rotation.json` last, which the others watch.
 */

import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { certificateFileBytesMax, formerIssuersMax } from '../../core/base/certificate-limits.ts';
import { makeFolder } from '../../core/base/make-folder.ts';
import { nodeErrorCode } from '../../core/base/node-error.ts';
import type { Certificate } from '../../core/identity/certificate.ts';
import { type Problem, parseCertificates, sortedBundle } from './certificate.ts';
import { takeLock } from './folder-lock.ts';
import { readSecretFile, writeSecretFile } from './secret-file.ts';
import { readSigner, type Signer, writeSigner } from './signer.ts';

/**
 * Of a rotation: the bundle has what comes and proxies take it over; leaves are signed by what
 * comes; what goes has left the bundle, and all is at rest.
 */
export type Phase = 'idle' | 'distribute' | 'switch';

export interface AuthorityState {
  /** Of our own issuer; null where its key is lost, or where the issuer is not ours. */
  readonly root: Signer | null;
  readonly issuer: Signer | null;
  /** In `distribute`: what takes the place of `root`. */
  readonly nextRoot: Signer | null;
  readonly anchors: readonly Certificate[];
  readonly phase: Phase;
  readonly phaseSinceMs: number;
  /** Issuers from before whose leaves may be in use. */
  readonly former: readonly Certificate[];
}

interface LoadedState {
  readonly state: AuthorityState;
  /** There was nothing at all: a first start. */
  readonly isFirst: boolean;
  /** What could not be read, as sentences that name the files. */
  readonly problems: readonly string[];
}

interface Change<Result> {
  /** Null to leave the files as they are. */
  readonly save: AuthorityState | null;
  readonly result: Result;
}

export class IdentityFiles {
  readonly folder: string;
  /** False where keys come from elsewhere: then only bundle and rotation are kept. */
  readonly #hasKeys: boolean;

  constructor(folder: string, hasKeys: boolean) {
    this.folder = folder;
    this.#hasKeys = hasKeys;
  }

  /** The file that changes with each change of the others. */
  get watchedPath(): string {
    return this.#path(rotationFile);
  }

  load(): LoadedState {
    const problems: string[] = [];
    const take = <Value>(result: Value | Problem | null): Value | null => {
      if (result === null || !isProblem(result)) return result;
      problems.push(result.problem);
      return null;
    };
    const rotation = this.#readRotation();
    const state = {
      root: take(this.#readSigner('root')),
      issuer: take(this.#readSigner('issuer')),
      nextRoot: take(this.#readSigner('next-root')),
      anchors: sortedBundle(take(this.#readCertificates('bundle.crt')) ?? []),
      phase: rotation.phase,
      phaseSinceMs: rotation.phaseSinceMs,
      former: rotation.former,
    };
    const isFirst = stateFiles.every((name) => !existsSync(this.#path(name)));
    return { state: this.#complete(state), isFirst, problems };
  }

  /** Runs `change` on what the files say, and writes what it returns; null while others do so. */
  change<Result>(change: (loaded: LoadedState) => Change<Result>): Result | null {
    makeFolder(this.folder);
    const release = takeLock(this.#path('lock'));
    if (release === null) return null;
    try {
      const { save, result } = change(this.load());
      if (save !== null) this.#save(save);
      return result;
    } finally {
      release();
    }
  }

  #save(state: AuthorityState): void {
    if (state.nextRoot !== null) this.#writeSigner('next-root', state.nextRoot);
    this.#write('bundle.crt', state.anchors.map(({ pem }) => pem).join(''));
    if (this.#hasKeys) {
      if (state.issuer !== null) this.#writeSigner('issuer', state.issuer);
      if (state.root !== null) this.#writeSigner('root', state.root);
    }
    const former = state.former.slice(-formerIssuersMax).map(({ pem }) => pem);
    const { phase, phaseSinceMs } = state;
    this.#write(rotationFile, `${JSON.stringify({ phase, phaseSinceMs, former }, null, 2)}\n`);
    if (state.nextRoot !== null) return;
    for (const name of ['next-root.key', 'next-root.crt'])
      rmSync(this.#path(name), { force: true });
  }

  /** A switch that a crash has cut short goes on to its end; leftovers are none. */
  #complete(state: AuthorityState): AuthorityState {
    const { root, nextRoot, phase } = state;
    if (!this.#hasKeys) return state;
    if (nextRoot === null) return phase === 'distribute' ? { ...state, phase: 'switch' } : state;
    const isOver = root?.certificate.fingerprint === nextRoot.certificate.fingerprint;
    if (isOver) return { ...state, nextRoot: null, phase: 'switch' };
    return phase === 'distribute' ? state : { ...state, nextRoot: null };
  }

  #readRotation(): Pick<AuthorityState, 'phase' | 'phaseSinceMs' | 'former'> {
    const text = this.#readText(rotationFile);
    const none = { phase: 'idle', phaseSinceMs: 0, former: [] } as const;
    if (typeof text !== 'string') return none;
    try {
      const { phase, phaseSinceMs, former } = JSON.parse(text) as Record<string, unknown>;
      const pems = Array.isArray(former) ? former.slice(0, formerIssuersMax).join('') : '';
      const certificates = pems === '' ? [] : parseCertificates(pems);
      return {
        phase: phase === 'distribute' || phase === 'switch' ? phase : 'idle',
        phaseSinceMs: Number.isFinite(phaseSinceMs) ? Number(phaseSinceMs) : 0,
        former: 'problem' in certificates ? [] : certificates,
      };
    } catch {
      return none;
    }
  }

  #readSigner(name: string): Signer | Problem | null {
    if (!this.#hasKeys) return null;
    const path = this.#path(`${name}.key`);
    const read = readSecretFile(path);
    if ('problem' in read) {
      const isAbsent = read.isMissing && !existsSync(this.#path(`${name}.crt`));
      return isAbsent ? null : { problem: read.problem };
    }
    const certificates = read.text.includes('BEGIN CERTIFICATE')
      ? read.text
      : this.#readText(`${name}.crt`);
    if (typeof certificates !== 'string')
      return certificates ?? { problem: `there is no ${name}.crt` };
    const signer = readSigner(read.text, certificates);
    return 'problem' in signer ? { problem: `${path} ${signer.problem}` } : signer;
  }

  #readCertificates(name: string): readonly Certificate[] | Problem | null {
    const text = this.#readText(name);
    if (typeof text !== 'string') return text;
    const certificates = parseCertificates(text);
    if (!('problem' in certificates)) return certificates;
    return { problem: `${this.#path(name)} ${certificates.problem}` };
  }

  #readText(name: string): string | Problem | null {
    const path = this.#path(name);
    try {
      const { size } = statSync(path);
      if (size > certificateFileBytesMax) {
        return { problem: `${path} has more than ${certificateFileBytesMax} bytes` };
      }
      return readFileSync(path, 'utf8');
    } catch (error) {
      const code = nodeErrorCode(error);
      return code === 'ENOENT' ? null : { problem: `${path}: ${code}` };
    }
  }

  #writeSigner(name: string, signer: Signer): void {
    const chain = [signer.certificate, ...signer.intermediates];
    this.#write(`${name}.key`, writeSigner(signer));
    this.#write(`${name}.crt`, chain.map(({ pem }) => pem).join(''));
  }

  /** What is there already is left alone: others may be reading it. */
  #write(name: string, text: string): void {
    const path = this.#path(name);
    try {
      if (readFileSync(path, 'utf8') === text) return;
    } catch {
      // It is written below.
    }
    writeSecretFile(path, text);
  }

  #path(name: string): string {
    return join(this.folder, name);
  }
}

function isProblem(result: unknown): result is Problem {
  return typeof result === 'object' && result !== null && 'problem' in result;
}

const rotationFile = 'rotation.json';
const stateFiles = ['root.key', 'root.crt', 'issuer.key', 'issuer.crt', 'bundle.crt', rotationFile];
