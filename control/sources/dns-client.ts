/**
 * A bounded DNS client: which server is asked, how often, for how long, and under which full
 * names. Caching and what follows from an answer are its callers'. Node's own gives no TTL for
 * SRV and skips the search list.
 */

import type { Random } from '../../core/base/random.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import {
  type DnsExchange,
  exchangeDatagrams,
  exchangeStream,
} from '../../core/io/dns-transport.ts';
import { isDnsName } from '../model/address.ts';
import { runAfter } from '../model/delay.ts';
import {
  type DnsAnswer,
  type DnsReply,
  decodeAnswer,
  encodeQuery,
  type RecordType,
} from './dns-message.ts';
import type { ResolverFiles } from './resolver-files.ts';

interface DnsClientEnv {
  readonly timers: TimerWheel;
  readonly random: Random;
  readonly files: ResolverFiles;
  /** Where servers listen: 53 everywhere but in tests. */
  readonly port: number;
}

export class DnsClient {
  readonly #env: DnsClientEnv;
  readonly #waiting: (() => void)[] = [];
  readonly #cancels = new Set<() => void>();
  #outstanding = 0;
  #closed = false;

  constructor(env: DnsClientEnv) {
    this.#env = env;
  }

  /**
   * Asks for several types of one name, with the search list as resolv.conf(5) says. A name that
   * has any of the types ends the search. Replies are in the order of `types`.
   */
  async lookUp(name: string, types: readonly RecordType[]): Promise<readonly DnsReply[]> {
    if (!isDnsName(name)) return types.map(() => fail(`${JSON.stringify(name)} is not a name`));
    await this.#env.files.ready;
    let best: readonly DnsReply[] = [];
    for (const candidate of this.#candidates(name)) {
      const replies = await Promise.all(types.map((type) => this.#ask(candidate, type)));
      if (replies.some(({ kind }) => kind === 'records')) return replies;
      best = types.map((_, index) => worse(best[index], replies[index]));
    }
    return best;
  }

  /** Whoever waits is told that the lookup failed. */
  close(): void {
    this.#closed = true;
    for (const cancel of Array.from(this.#cancels)) cancel();
    for (const proceed of this.#waiting.splice(0)) proceed();
  }

  #candidates(name: string): string[] {
    if (name.endsWith('.')) return [name.slice(0, -1)];
    const { search, dotsMin } = this.#env.files.config;
    const longer = search.map((domain) => `${name}.${domain}`).filter(isDnsName);
    const dots = name.split('.').length - 1;
    return dots >= dotsMin ? [name, ...longer] : [...longer, name];
  }

  async #ask(name: string, type: RecordType): Promise<DnsReply> {
    if (!(await this.#enter())) return fail('too many lookups wait');
    try {
      return await this.#askServers(name, type);
    } finally {
      this.#leave();
    }
  }

  async #askServers(name: string, type: RecordType): Promise<DnsReply> {
    const { servers, attempts } = this.#env.files.config;
    let reason = '';
    for (let attempt = 0; attempt < attempts; attempt++) {
      for (const host of servers) {
        if (this.#closed) return fail('the proxy is shutting down');
        const answer = await this.#askServer(host, name, type);
        if (answer.kind !== 'failed') return answer;
        reason = `${answer.reason} (${host})`;
      }
    }
    return fail(reason);
  }

  async #askServer(host: string, name: string, type: RecordType): Promise<DnsReply> {
    let answer = await this.#exchange(exchangeDatagrams, host, name, type, true);
    // A server from before EDNS refuses the query as malformed (RFC 6891 section 7).
    if (answer.kind === 'format-error') {
      answer = await this.#exchange(exchangeDatagrams, host, name, type, false);
    }
    if (answer.kind === 'truncated') {
      answer = await this.#exchange(exchangeStream, host, name, type, true);
    }
    if (answer.kind === 'truncated') return fail('the answer is truncated even over TCP');
    if (answer.kind === 'format-error') return fail('the server does not understand the query');
    return answer;
  }

  /** One query to one server; ends with an answer, a failure, the time-out or `close`. */
  #exchange(
    transport: (exchange: DnsExchange) => () => void,
    host: string,
    name: string,
    type: RecordType,
    edns: boolean,
  ): Promise<DnsAnswer> {
    const { timers, random, port, files } = this.#env;
    const id = random.uint32() >>> 16;
    return new Promise((resolve) => {
      const finish = (answer: DnsAnswer): void => {
        stopTimer();
        stopTransport();
        this.#cancels.delete(cancel);
        resolve(answer);
      };
      const cancel = (): void => finish(fail('the proxy is shutting down'));
      const stopTimer = runAfter(timers, files.config.timeoutMs, () =>
        finish(fail(`no answer within ${files.config.timeoutMs} ms`)),
      );
      const stopTransport = transport({
        server: { host, port },
        query: encodeQuery(id, name, type, edns),
        onAnswer: (bytes) => {
          const answer = decodeAnswer(bytes, id, name, type);
          if (answer !== null) finish(answer);
          return answer !== null;
        },
        onFailure: (reason) => finish(fail(reason)),
      });
      this.#cancels.add(cancel);
    });
  }

  /** False when even the queue is full. */
  async #enter(): Promise<boolean> {
    if (this.#outstanding < outstandingMax) {
      this.#outstanding += 1;
      return true;
    }
    if (this.#waiting.length >= waitingMax) return false;
    // Whoever leaves hands its place over.
    await new Promise<void>((proceed) => this.#waiting.push(proceed));
    return true;
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#outstanding -= 1;
    else next();
  }
}

function fail(reason: string) {
  return { kind: 'failed', reason } as const;
}

/** Of two candidates' replies the one that allows less: not knowing, existing, not existing. */
function worse(a: DnsReply | undefined, b: DnsReply): DnsReply {
  if (a === undefined) return b;
  const order = ['failed', 'empty', 'absent'];
  return order.indexOf(b.kind) < order.indexOf(a.kind) ? b : a;
}

const outstandingMax = 64;
const waitingMax = 20_000;
