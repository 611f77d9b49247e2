/** Counts the requests under way in this thread and sheds load over their limit. */

import { ProxyError } from '../base/errors.ts';
import type { Exchange } from '../http/exchange.ts';
import { Layer } from '../stack/layer.ts';

export class InFlight extends Layer<Exchange> {
  count = 0;
  readonly #max: number;
  readonly #changed: (count: number) => void;

  /** `changed` is told after every change, to show the count to other threads. */
  constructor(max: number, changed: (count: number) => void) {
    super();
    this.#max = max;
    this.#changed = changed;
  }

  override request(x: Exchange): void {
    if (this.count >= this.#max) {
      const text = `${this.count} requests are in flight (inFlightMax)`;
      this.prev.fail(x, new ProxyError('LOAD_SHED', text));
      return;
    }
    this.count += 1;
    this.#changed(this.count);
    this.next.request(x);
  }

  override cancel(x: Exchange): void {
    this.#leave();
    this.next.cancel(x);
  }

  override end(x: Exchange): void {
    this.#leave();
    this.prev.end(x);
  }

  override fail(x: Exchange, error: ProxyError): void {
    this.#leave();
    this.prev.fail(x, error);
  }

  #leave(): void {
    this.count -= 1;
    this.#changed(this.count);
  }
}
