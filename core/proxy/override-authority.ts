/**
 * Says to an endpoint that the request is for somebody else, where its control plane wants that: a
 * gateway is told the name of a service behind it. Host and `:authority` are written so by the
 * connection that it goes out on; the request keeps its own, for an attempt at another endpoint.
 */

import { equalsName, nameBytes } from '../http/byte-class.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Head } from '../http/head.ts';
import { Known } from '../http/known-fields.ts';
import { Layer } from '../stack/layer.ts';
import type { Endpoint } from './endpoint.ts';

export class OverrideAuthority extends Layer<Exchange> {
  override request(x: Exchange): void {
    const { authorityOverride } = x.endpoint as Endpoint;
    x.authorityOverride = authorityOverride;
    const isNamed = authorityOverride !== '' && (x.request.seen & (1 << Known.L5D)) !== 0;
    if (isNamed) dropCanonical(x.request);
    this.next.request(x);
  }
}

/** It names the service here, which is none there; a later attempt does without it too. */
function dropCanonical(head: Head): void {
  const { bytes, fields, known, count } = head;
  for (let index = 0; index < count; index++) {
    if (known[index] !== Known.L5D) continue;
    const at = index << 2;
    if (equalsName(bytes, fields[at], fields[at + 1], canonical)) head.dropField(index);
  }
}

const canonical = nameBytes('l5d-dst-canonical');
