/**
 * The leaf of the control plane itself, by which proxies on other hosts know it: made by its own
 * issuer, for a key that is never written anywhere.
 */

import { generateKeyPairSync } from 'node:crypto';
import type { IdentitySnapshot } from '../../api/identity.ts';
import { leafRenewalShare } from '../../core/base/certificate-limits.ts';
import type { Clock } from '../../core/base/clock.ts';
import { parseCertificate } from '../../core/identity/certificate.ts';
import type { Authority } from './authority.ts';
import type { AuthorityView } from './authority-view.ts';
import { isAnchored } from './certificate.ts';
import { controlIdentity } from './identity-name.ts';
import { issueLeaf, type Signer } from './signer.ts';

export class OwnLeaf {
  readonly #authority: Authority;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #snapshot: IdentitySnapshot | null = null;
  #bundle = '';
  #issuer = '';
  #renewMs = 0;
  #endMs = 0;
  #generation = 0;

  constructor(authority: Authority, clock: Clock) {
    this.#authority = authority;
    this.#clock = clock;
    authority.onChange(() => this.check());
    this.check();
  }

  /** Null while there is none that is good. Its chain ends with the trust anchor. */
  get snapshot(): IdentitySnapshot | null {
    return this.#snapshot;
  }

  /** 0 without a leaf. */
  get endMs(): number {
    return this.#endMs;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes what has changed, and another leaf when it is time. */
  check(): void {
    const view = this.#authority.view;
    const nowMs = this.#clock.wallMs();
    const isOld = nowMs >= this.#endMs || nowMs >= this.#renewMs;
    // While the bundle changes, who has but the old root still gets in.
    const isOther = view.issuer !== this.#issuer && view.phase !== 'switch';
    if (view.signer !== null && (isOld || isOther)) this.#issue(view, view.signer, nowMs);
    else if (view.digest !== this.#bundle) this.#show(view, this.#snapshot);
    if (nowMs >= this.#endMs && this.#snapshot !== null) this.#show(view, null);
  }

  #issue(view: AuthorityView, signer: Signer, nowMs: number): void {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const name = controlIdentity(this.#authority.trustDomain);
    const { der, notAfterMs } = issueLeaf(signer, {
      identity: name,
      uri: null,
      publicKey: publicKey.export({ type: 'spki', format: 'der' }),
      nowMs,
      endMs: view.endMs,
    });
    const last = signer.intermediates.at(-1) ?? signer.certificate;
    const root = view.anchors.find((one) => isAnchored(last, [one]));
    const rest = root === undefined ? view.chain : [...view.chain, root];
    const leaf = parseCertificate(der)?.pem ?? '';
    this.#issuer = view.issuer;
    this.#endMs = notAfterMs;
    this.#renewMs = nowMs + (notAfterMs - nowMs) * leafRenewalShare;
    this.#show(view, {
      generation: 0,
      name,
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      chain: [leaf, ...rest.map(({ pem }) => pem)].join(''),
      roots: '',
    });
  }

  #show({ anchors, digest }: AuthorityView, snapshot: IdentitySnapshot | null): void {
    const roots = anchors.map(({ pem }) => pem).join('');
    this.#bundle = digest;
    this.#generation += 1;
    this.#snapshot =
      snapshot === null ? null : { ...snapshot, roots, generation: this.#generation };
    for (const listener of Array.from(this.#listeners)) listener();
  }
}
