/** What happened in a test, in its order, whoever says so. */

import { once } from 'node:events';

export class Events {
  readonly all: string[] = [];
  #onNews = Promise.withResolvers<void>();

  readonly add = (event: string): void => {
    this.all.push(event);
    this.#onNews.resolve();
    this.#onNews = Promise.withResolvers<void>();
  };

  /** Resolves with the first from `from` on that fits, as it was said. */
  until(part: string | RegExp, from = 0): Promise<string> {
    return this.untilCount(part, 1, from);
  }

  /** Resolves with number `count` of those. */
  async untilCount(part: string | RegExp, count: number, from = 0): Promise<string> {
    const limit = AbortSignal.timeout(waitMs);
    const late = once(limit, 'abort');
    for (;;) {
      const found = this.all
        .slice(from)
        .filter((one) => (typeof part === 'string' ? one === part : part.test(one)));
      if (found.length >= count) return found[count - 1];
      if (limit.aborted) throw new Error(`never ${part}:\n${this.all.join('\n')}`);
      await Promise.race([this.#onNews.promise, late]);
    }
  }

  index(event: string): number {
    return this.all.indexOf(event);
  }
}

const waitMs = 20_000;
