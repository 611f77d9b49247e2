/**
 * By what `heddle run` knows a control plane on another host: by the trust anchors that its proxy
 * believes, which the token pins and the proxy keeps on disk. They are read for each connection,
 * because they change.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientSecurity } from '../../core/grpc/client.ts';
import { readPemBundle } from '../../core/identity/certificate.ts';
import { completeName, controlNameOf } from '../../core/identity/names.ts';
import { readTokenHints } from '../../core/identity/token.ts';
import { TlsContexts } from '../../core/tls/contexts.ts';
import type { Token } from './registration.ts';

export class ProxyTrust implements ClientSecurity {
  readonly #path: string;
  readonly #identity: string;
  readonly #readToken: () => Token;
  readonly #contexts = new TlsContexts();
  #digest = '';

  /** `stateFolder` is the proxy's; `identity` what it proves, as its setting has it. */
  constructor(stateFolder: string, identity: string, readToken: () => Token) {
    this.#path = join(stateFolder, 'identity', 'bundle.crt');
    this.#identity = identity;
    this.#readToken = readToken;
  }

  /** Nobody is believed before the proxy believes somebody. */
  get isReady(): boolean {
    return this.contexts.client !== null && this.serverName() !== null;
  }

  get contexts(): TlsContexts {
    const bundle = readBundle(this.#path);
    if (bundle !== null && bundle.digest !== this.#digest) {
      this.#digest = bundle.digest;
      const generation = this.#contexts.generation + 1;
      this.#contexts.replace({ generation, name: '', key: '', chain: '', roots: bundle.pem });
    }
    return this.#contexts;
  }

  readonly serverName = (): string | null => {
    const token = this.#readToken();
    if ('problem' in token) return null;
    const { trustDomain } = readTokenHints(token.token);
    const own = completeName(this.#identity, trustDomain);
    return own === null ? null : controlNameOf(own);
  };
}

function readBundle(path: string): { readonly digest: string; readonly pem: string } | null {
  try {
    const bundle = readPemBundle(readFileSync(path, 'utf8'));
    return typeof bundle === 'string' ? null : bundle;
  } catch {
    return null;
  }
}
