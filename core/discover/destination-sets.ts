/**
 * The endpoints of the paths that targets need: one stream for each path, however many names lead
 * there, for as long as one of them is held.
 */

import type { GetDestination, Update } from '../../api/gen/proxy/destination.ts';
import { EndpointUpdates } from './endpoint-updates.ts';
import { getMethod } from './methods.ts';
import { type Answer, type StreamEnv, type StreamView, WatchStream } from './watch-stream.ts';

interface SetsEnv extends StreamEnv {
  readonly contextToken: string;
  readonly log: {
    warn(message: string, fields?: Readonly<Record<string, string | number>>): void;
  };
}

export interface SetHold {
  readonly path: string;
  readonly known: EndpointUpdates;
  readonly stream: StreamView;
  release(): void;
}

export class DestinationSets {
  readonly #env: SetsEnv;
  readonly #sets = new Map<string, DestinationSet>();

  constructor(env: SetsEnv) {
    this.#env = env;
  }

  /** `onChange` is called when the set or its being there changes, never from in here. */
  hold(path: string, onChange: () => void): SetHold {
    let set = this.#sets.get(path);
    if (set === undefined) {
      set = new DestinationSet(this.#env, path);
      this.#sets.set(path, set);
    }
    const held = set;
    const user = (): void => onChange();
    held.users.add(user);
    return {
      path,
      known: held.known,
      stream: held.stream,
      release: () => {
        if (!held.users.delete(user) || held.users.size > 0) return;
        this.#sets.delete(path);
        held.stream.close();
      },
    };
  }

  *streams(): Generator<readonly [path: string, stream: StreamView]> {
    for (const [path, { stream }] of this.#sets) yield [path, stream];
  }

  close(): void {
    for (const { stream } of this.#sets.values()) stream.close();
    this.#sets.clear();
  }
}

class DestinationSet {
  readonly users = new Set<() => void>();
  readonly known = new EndpointUpdates();
  readonly stream: WatchStream<GetDestination, Update>;
  readonly #env: SetsEnv;
  readonly #path: string;

  constructor(env: SetsEnv, path: string) {
    this.#env = env;
    this.#path = path;
    const request = { scheme: '', path, contextToken: env.contextToken };
    this.stream = new WatchStream(env, getMethod, request, this);
    this.stream.start();
  }

  onMessage(update: Update, first: boolean): string {
    const before = this.known.endpoints?.length ?? 0;
    if (first) this.known.beginStream();
    const outcome = this.known.apply(update);
    if (typeof outcome === 'object') {
      this.#env.log.warn('a set of endpoints is refused, the last good one stays in use', {
        path: this.#path,
        reason: outcome.refusal,
      });
      return outcome.refusal;
    }
    if (outcome === 'changed') {
      this.#reportHalving(before);
      this.#tell();
    }
    return '';
  }

  onAnswer(answer: Answer): boolean {
    // What is not understood says nothing about a set that is known.
    if (answer === 'unknown' || (answer === 'rejected' && this.known.endpoints === null)) {
      this.known.gone = true;
      this.#tell();
    }
    return answer !== 'rejected' || this.known.endpoints !== null;
  }

  #reportHalving(before: number): void {
    const after = this.known.endpoints?.length ?? 0;
    if (after >= before / 2) return;
    this.#env.counters.setsHalved += 1;
    this.#env.log.warn('more than half of the endpoints have gone at once', {
      path: this.#path,
      before,
      after,
    });
  }

  #tell(): void {
    for (const user of Array.from(this.users)) user();
  }
}
