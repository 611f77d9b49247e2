/**
 * Removes what is not for the next hop: hop-by-hop fields of responses (the server connection
 * does it for requests) and, inbound, identity that a client claims for itself. The application
 * is told the identity that the client has proved.
 */

import { equalsName, nameBytes } from '../http/byte-class.ts';
import type { Exchange, ExchangeClient } from '../http/exchange.ts';
import { markHopByHop } from '../http/hop-by-hop.ts';
import { Known } from '../http/known-fields.ts';
import { takeOrigProto } from '../http/orig-proto.ts';
import { Layer } from '../stack/layer.ts';
import type { DirectionName } from './core.ts';

export class StripFields extends Layer<Exchange> {
  readonly #inbound: boolean;

  constructor(direction: DirectionName) {
    super();
    this.#inbound = direction === 'inbound';
  }

  override request(x: Exchange): void {
    const isNamed = (x.request.seen & (1 << Known.L5D)) !== 0;
    if (this.#inbound) {
      if (isNamed) dropIdentity(x);
      const { identity } = (x.client as ExchangeClient).connection;
      // No option of Connection reaches it: those have been applied.
      if (identity !== null) x.extraFields += identity.line;
    } else if (isNamed) {
      takeOrigProto(x.request);
    }
    this.next.request(x);
  }

  override informational(x: Exchange): void {
    if (x.response !== null) markHopByHop(x.response, false);
    this.prev.informational(x);
  }

  override response(x: Exchange): void {
    if (x.response !== null) markHopByHop(x.response, false);
    this.prev.response(x);
  }
}

/** Only a verified peer has an identity; nobody may write it into a request. */
function dropIdentity({ request }: Exchange): void {
  const { bytes, fields, known, count } = request;
  for (let index = 0; index < count; index++) {
    if (known[index] !== Known.L5D) continue;
    const start = fields[index * 4];
    const end = fields[index * 4 + 1];
    for (const name of identityFields) {
      if (equalsName(bytes, start, end, name)) request.dropField(index);
    }
  }
}

const identityFields = ['l5d-client-id', 'l5d-remote-ip', 'l5d-server-id'].map(nameBytes);
