/** The broadcasts of one method: one for each thing that is watched, while somebody watches it. */

import type { Status } from '../../core/grpc/status.ts';
import { Broadcast, type BroadcastEnv, type StateCall, type StateFrames } from './broadcast.ts';

export class Topics<State> {
  readonly #env: BroadcastEnv;
  readonly #frames: StateFrames<State>;
  readonly #topics = new Map<string, Topic<State>>();

  constructor(env: BroadcastEnv, frames: StateFrames<State>) {
    this.#env = env;
    this.#frames = frames;
  }

  /**
   * Adds a stream; `open` is called for the first of a key, follows what it stands for, and returns
   * how to end that. `onEnd` is called once, whoever ends the stream.
   */
  add(
    key: string,
    call: StateCall,
    onEnd: () => void,
    open: (broadcast: Broadcast<State>) => () => void,
  ): void {
    const known = this.#topics.get(key);
    if (known !== undefined) {
      known.broadcast.add(call, onEnd);
      return;
    }
    const broadcast = new Broadcast(this.#env, this.#frames, () => this.#close(key, topic));
    const topic: Topic<State> = { broadcast, stop: null };
    this.#topics.set(key, topic);
    broadcast.add(call, onEnd);
    const stop = open(broadcast);
    // What it told at once may have ended the stream.
    if (this.#topics.get(key) === topic) topic.stop = stop;
    else stop();
  }

  /** Ends all streams with this. */
  end(status: Status): void {
    for (const { broadcast } of Array.from(this.#topics.values())) broadcast.end(status);
  }

  #close(key: string, topic: Topic<State>): void {
    if (this.#topics.get(key) === topic) this.#topics.delete(key);
    topic.stop?.();
  }
}

interface Topic<State> {
  readonly broadcast: Broadcast<State>;
  stop: (() => void) | null;
}

/** For states that are one message, whole each time: the state is its frame. */
export const wholeFrames: StateFrames<Buffer> = {
  whole: (frame) => [frame],
  between: (before, after) => (before.equals(after) ? [] : [after]),
};
