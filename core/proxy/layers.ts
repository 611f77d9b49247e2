/** What the list of layers of either direction gives to whoever connects it. */

import type { Exchange } from '../http/exchange.ts';
import type { Layer } from '../stack/layer.ts';

export interface HttpLayers {
  /** Where requests enter. */
  readonly first: Layer<Exchange>;
  /** Where a request that could not be read enters, by `fail`. */
  readonly rejects: Layer<Exchange>;
  /** Where the responses of all endpoints enter. */
  readonly last: Layer<Exchange>;
}
