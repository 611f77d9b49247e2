/** The process of watchers as the bench talks to it: one question at a time, with an end to it. */

import { join } from 'node:path';
import type { Run, Started } from '../run.ts';
import { type FromWatchers, sharedNowMs, type ToWatchers } from './messages.ts';

type Answer<Kind> = Extract<FromWatchers, { kind: Kind }>;

export class WatcherProcess {
  readonly #run: Run;
  readonly #started: Started;
  #waiting: {
    kind: string;
    resolve: (m: FromWatchers) => void;
    reject: (e: Error) => void;
  } | null = null;

  constructor(run: Run, cores: string) {
    this.#run = run;
    this.#started = run.start({
      name: 'watchers',
      command: process.execPath,
      args: [join(import.meta.dirname, 'watchers.ts')],
      cores,
      channel: true,
    });
    this.#started.child.on('message', (message: FromWatchers) => this.#hear(message));
    this.#started.child.once('exit', () => {
      this.#fail(`the watchers have ended: ${this.#started.complaint()}`);
    });
  }

  /** How long it took until every watch had its first set, and how many ended before. */
  async open(port: number, proxies: number, paths: readonly string[]): Promise<Answer<'complete'>> {
    return this.#ask({ kind: 'open', port, proxies, paths }, 'complete');
  }

  async storm(): Promise<Answer<'complete'>> {
    return this.#ask({ kind: 'storm' }, 'complete');
  }

  async join(order: Omit<Extract<ToWatchers, { kind: 'join' }>, 'kind'>): Promise<void> {
    await this.#ask({ kind: 'join', ...order }, 'joined');
  }

  /** Milliseconds from `change` until the last watcher of `path` has the endpoint. */
  async time(path: string, endpointPort: number, change: () => void): Promise<number> {
    await this.#ask({ kind: 'expect', path, endpointPort }, 'armed');
    const seen = this.#wait('seen');
    const changedMs = sharedNowMs();
    change();
    return (await seen).atMs - changedMs;
  }

  end(): Promise<void> {
    return this.#run.end(this.#started);
  }

  #ask<Kind extends FromWatchers['kind']>(order: ToWatchers, kind: Kind): Promise<Answer<Kind>> {
    const answer = this.#wait(kind);
    this.#started.child.send(order);
    return answer;
  }

  #wait<Kind extends FromWatchers['kind']>(kind: Kind): Promise<Answer<Kind>> {
    const { promise, resolve, reject } = Promise.withResolvers<FromWatchers>();
    const timer = setTimeout(() => this.#fail(`no word of ${kind} for ${answerMs} ms`), answerMs);
    this.#waiting = { kind, resolve, reject };
    return promise.finally(() => clearTimeout(timer)) as Promise<Answer<Kind>>;
  }

  #hear(message: FromWatchers): void {
    if (message.kind === 'failed') this.#fail(message.reason);
    else if (message.kind === this.#waiting?.kind) {
      const { resolve } = this.#waiting;
      this.#waiting = null;
      resolve(message);
    }
  }

  #fail(reason: string): void {
    this.#waiting?.reject(new Error(reason));
    this.#waiting = null;
  }
}

const answerMs = 60_000;
