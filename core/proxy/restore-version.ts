/**
 * Gives the application what the caller's application has sent: a request of HTTP/1 that the
 * caller's proxy has put into HTTP/2 becomes one of that version and form again, and its response
 * says what it was. Only a peer of the mesh is believed; nobody else's word about it goes further.
 */

import { ProxyError } from '../base/errors.ts';
import type { Exchange, ExchangeClient } from '../http/exchange.ts';
import { Framing, type Head, Method } from '../http/head.ts';
import { Known } from '../http/known-fields.ts';
import { OrigProto, origProtoLine, takeOrigProto } from '../http/orig-proto.ts';
import { Layer } from '../stack/layer.ts';

export class RestoreVersion extends Layer<Exchange> {
  override request(x: Exchange): void {
    const head = x.request;
    if ((head.seen & (1 << Known.L5D)) !== 0) {
      const proto = takeOrigProto(head);
      if (proto !== -1 && isBelieved(x) && !this.#restore(x, proto)) return;
    }
    this.next.request(x);
  }

  override response(x: Exchange): void {
    const head = x.response;
    if (head !== null) this.#tell(x, head);
    this.prev.response(x);
  }

  /** False when the request has been answered. */
  #restore(x: Exchange, proto: number): boolean {
    const head = x.request;
    const minor = proto & OrigProto.HTTP_1_1;
    if (minor === 0 && head.framing === Framing.CHUNKED) {
      const text = 'content without a length, which HTTP/1.0 cannot have (l5d-orig-proto)';
      this.prev.fail(x, new ProxyError('BAD_REQUEST', text));
      return false;
    }
    head.major = 1;
    head.minor = minor;
    head.restored = proto;
    return true;
  }

  #tell(x: Exchange, head: Head): void {
    if ((head.seen & (1 << Known.L5D)) !== 0) takeOrigProto(head);
    const isRestored = x.request.restored !== -1 && head.major === 1;
    x.addedFields = isRestored ? origProtoLine(head.minor) : '';
  }
}

/** An upgrade, or a tunnel, has a form of its own in HTTP/2. */
function isBelieved(x: Exchange): boolean {
  const { connection } = x.client as ExchangeClient;
  const { major, method, upgrade } = x.request;
  const isMeshed = connection.identity !== null && connection.identity.name !== '';
  return isMeshed && major === 2 && method !== Method.CONNECT && !upgrade;
}
