/**
 * How control planes that share roots and issuer hear of each other's proxies: each writes into the
 * folder how many of its own have not confirmed, and a rotation goes on when nobody waits. One that
 * has written nothing for a while is gone, and so are its proxies.
 */

import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { controlPlanesSharedMax, waitingFreshMs } from '../../core/base/certificate-limits.ts';
import { writeSecretFile } from './secret-file.ts';

/** What is waited for, as one text: phase, bundle and issuer. */
type Question = string;

export class WaitingFiles {
  readonly #folder: string;
  readonly #own: string;

  /** `name`: of this control plane, which no other has. */
  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#own = `${prefix}${name}`;
  }

  /** Throws what the system says. */
  write(question: Question, count: number, nowWallMs: number): void {
    const text = JSON.stringify({ question, count, wallMs: Math.round(nowWallMs) });
    writeSecretFile(join(this.#folder, this.#own), `${text}\n`);
  }

  /** How many other control planes have proxies that have not confirmed, or have yet to look. */
  others(question: Question, nowWallMs: number): number {
    let waiting = 0;
    for (const name of this.#names()) {
      const said = this.#read(name);
      const isFresh = said !== null && Math.abs(nowWallMs - said.wallMs) < waitingFreshMs;
      if (isFresh && (said.question !== question || said.count > 0)) waiting += 1;
      // Of a run that has ended: names are of one run alone.
      if (!isFresh) rmSync(join(this.#folder, name), { force: true });
    }
    return waiting;
  }

  /** This one waits for nothing any more. */
  remove(): void {
    rmSync(join(this.#folder, this.#own), { force: true });
  }

  #names(): string[] {
    return readdirSync(this.#folder)
      .filter((name) => name.startsWith(prefix) && name !== this.#own)
      .slice(0, controlPlanesSharedMax);
  }

  #read(name: string): { question: string; count: number; wallMs: number } | null {
    const path = join(this.#folder, name);
    try {
      if (statSync(path).size > bytesMax) return null;
      const said = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
      const { question, count, wallMs } = said;
      if (typeof question !== 'string' || !Number.isFinite(wallMs)) return null;
      return { question, count: Number(count), wallMs: Number(wallMs) };
    } catch {
      return null;
    }
  }
}

const prefix = 'waiting-';
const bytesMax = 1_024;
