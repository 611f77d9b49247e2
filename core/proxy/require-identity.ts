/**
 * Whether the endpoint that was chosen is who it has to be: some identity where the settings
 * demand one, and exactly the one that a client asks for by `l5d-require-id`. That field is for
 * this proxy alone and goes no further; a value that is no identity asks for nothing, as in
 * Linkerd. What the endpoint has to prove is verified when it is dialled; here it is compared.
 */

import { ProxyError } from '../base/errors.ts';
import { equalsName, nameBytes } from '../http/byte-class.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Head } from '../http/head.ts';
import { Known } from '../http/known-fields.ts';
import { isIdentityName } from '../identity/names.ts';
import { Layer } from '../stack/layer.ts';
import type { Core } from './core.ts';
import type { Endpoint } from './endpoint.ts';

export class RequireIdentity extends Layer<Exchange> {
  readonly #core: Core;

  constructor(core: Core) {
    super();
    this.#core = core;
  }

  override request(x: Exchange): void {
    const endpoint = x.endpoint as Endpoint;
    const asked = (x.request.seen & (1 << Known.L5D)) !== 0;
    const wrong = endpoint.refusal || (asked ? compareIdentity(x.request, endpoint) : '');
    if (wrong === '') {
      this.next.request(x);
      return;
    }
    this.#core.slots.releasePermit(endpoint.slot);
    this.prev.fail(x, new ProxyError('IDENTITY_MISMATCH', `${endpoint.address}: ${wrong}`));
  }
}

/** Drops the field, again for each attempt; of several each has to hold. What is wrong, or ''. */
export function compareIdentity(head: Head, endpoint: Endpoint): string {
  const { bytes, fields, known } = head;
  const { identity } = endpoint.transport.traits;
  let wrong = '';
  for (let index = 0; index < head.count; index++) {
    const column = index << 2;
    if (known[index] !== Known.L5D) continue;
    if (!equalsName(bytes, fields[column], fields[column + 1], field)) continue;
    head.dropField(index);
    const value = head.valueOf(index);
    if (value === identity || !isIdentityName(value)) continue;
    const is = identity === '' ? 'it proves no identity' : `it is ${identity}`;
    wrong = `${is}, and l5d-require-id asks for ${value}`;
  }
  return wrong;
}

const field = nameBytes('l5d-require-id');
