/** A bounded queue in which peers take turns: whoever asks for much waits for itself alone. */

export class FairQueue<Item> {
  readonly #max: number;
  readonly #perPeerMax: number;
  /** In the order of their turns. */
  readonly #byPeer = new Map<string, Item[]>();
  #size = 0;

  constructor(max: number, perPeerMax: number) {
    this.#max = max;
    this.#perPeerMax = perPeerMax;
  }

  get size(): number {
    return this.#size;
  }

  /** Whose bound keeps it out; null when it is in. */
  push(peer: string, item: Item): 'all' | 'peer' | null {
    if (this.#size >= this.#max) return 'all';
    const own = this.#byPeer.get(peer);
    if (own !== undefined && own.length >= this.#perPeerMax) return 'peer';
    if (own === undefined) this.#byPeer.set(peer, [item]);
    else own.push(item);
    this.#size += 1;
    return null;
  }

  shift(): Item | null {
    for (const [peer, own] of this.#byPeer) {
      const item = own.shift();
      this.#byPeer.delete(peer);
      if (item === undefined) continue;
      // Its next one has its turn after everybody else's.
      if (own.length > 0) this.#byPeer.set(peer, own);
      this.#size -= 1;
      return item;
    }
    return null;
  }

  clear(): void {
    this.#byPeer.clear();
    this.#size = 0;
  }
}
