/**
 * Ends a request that goes round in several proxies. While few requests are in flight nothing
 * marks them, and they pass as they came; a loop piles requests up, and beyond some number they
 * carry a count of the proxies that they have passed, which every proxy of the way raises.
 */

import { ProxyError } from '../base/errors.ts';
import { hopsCountedMin, hopsMax } from '../base/limits.ts';
import { equalsName, nameBytes } from '../http/byte-class.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Head } from '../http/head.ts';
import { Known } from '../http/known-fields.ts';
import { Layer } from '../stack/layer.ts';
import type { InFlight } from './in-flight.ts';

export class CountHops extends Layer<Exchange> {
  readonly #inFlight: InFlight;

  constructor(inFlight: InFlight) {
    super();
    this.#inFlight = inFlight;
  }

  override request(x: Exchange): void {
    const isCounted = (x.request.seen & (1 << Known.L5D)) !== 0;
    const hops = isCounted ? takeHops(x.request) : 0;
    if (hops >= hopsMax) {
      const text = `${hops} proxies have passed it on`;
      this.prev.fail(x, new ProxyError('LOOP', text));
      return;
    }
    if (hops > 0) x.extraFields += hopsLine(hops + 1);
    else if (this.#inFlight.count > hopsCountedMin) x.extraFields += firstLine;
    this.next.request(x);
  }
}

/** The largest count of the head, out of which the fields are taken; 0 for none. */
function takeHops(head: Head): number {
  const { bytes, fields, known } = head;
  let hops = 0;
  for (let index = 0; index < head.count; index++) {
    if (known[index] !== Known.L5D) continue;
    const column = index << 2;
    if (!equalsName(bytes, fields[column], fields[column + 1], hopsName)) continue;
    const value = head.valueOf(index);
    if (digits.test(value)) hops = Math.max(hops, Number(value));
    head.dropField(index);
  }
  return hops;
}

function hopsLine(hops: number): string {
  return `${hopsField}: ${hops}\r\n`;
}

/** No Connection option names it away (`core/http/hop-by-hop.ts`). */
const hopsField = 'l5d-hops';
const hopsName = nameBytes(hopsField);
const firstLine = hopsLine(1);
const digits = /^\d{1,9}$/;
