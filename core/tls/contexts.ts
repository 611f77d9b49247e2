/**
 * What the TLS connections of one thread share: one context for all that are accepted and one for
 * all that are dialled, made anew with each identity. Connections keep the one they began with.
 */

import type { SecureContext, SecureContextOptions } from 'node:tls';
import type { IdentitySnapshot } from '../../api/identity.ts';
import { verifySecureHandle } from '../io/secure-handle.ts';

/** Who cannot begin before this process can prove who it is. */
export interface CertificateWaiter {
  /** In an event; it is forgotten already. */
  certified(): void;
}

export class TlsContexts {
  /** Who this process is, also before it can prove it; empty while it has no identity. */
  name = '';
  generation = -1;
  /** Grows when a trust anchor leaves: what was verified before may have been by that one. */
  distrusts = 0;
  /** When it grew last, monotonic. */
  distrustedMs = 0;
  /** When it grew, the newest last: as many as are told apart. */
  readonly #distrustedMs: number[] = [];
  /** A certificate of our own goes with `client`. */
  certified = false;
  #identity: IdentitySnapshot | null = null;
  /** Made when it is first needed: main hardly ever needs one. */
  #context: SecureContext | null = null;
  #anonymous: SecureContext | null = null;
  #roots: ReadonlySet<string> = new Set();
  /** As many as there may be dials at once. */
  readonly #waiters = new Set<CertificateWaiter>();

  /**
   * For connections that are dialled; null while nobody is trusted. Throws what OpenSSL says of a
   * key or a certificate, and what this Node lacks.
   */
  get client(): SecureContext | null {
    const identity = this.#identity;
    if (identity === null || identity.roots === '') return null;
    this.#context ??= createContext(identity, this.certified);
    return this.#context;
  }

  /** For those that are dialled without showing a certificate. */
  get anonymous(): SecureContext | null {
    const identity = this.#identity;
    if (identity === null || identity.roots === '') return null;
    this.#anonymous ??= createContext(identity, false);
    return this.#anonymous;
  }

  /** For connections that are accepted; null before the first certificate: none is. */
  get server(): SecureContext | null {
    return this.certified ? this.client : null;
  }

  replace(identity: IdentitySnapshot, nowMs = 0): void {
    if (identity.generation <= this.generation) return;
    this.#identity = identity;
    this.#context = null;
    this.#anonymous = null;
    this.certified = identity.chain !== '';
    this.name = identity.name;
    this.generation = identity.generation;
    this.#trust(identity.roots, nowMs);
    if (this.certified) this.#release();
  }

  /** When what was verified at `distrusts` began to be distrusted; Infinity while it is not. */
  distrustedSinceMs(distrusts: number): number {
    const count = this.distrusts - distrusts;
    if (count <= 0) return Number.POSITIVE_INFINITY;
    return this.#distrustedMs.at(-count) ?? this.#distrustedMs[0];
  }

  /** Told once, when there is a certificate. */
  await(waiter: CertificateWaiter): void {
    this.#waiters.add(waiter);
  }

  forget(waiter: CertificateWaiter): void {
    this.#waiters.delete(waiter);
  }

  #release(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.certified();
  }

  #trust(roots: string, nowMs: number): void {
    const now = new Set(splitCertificates(roots));
    for (const root of this.#roots) {
      if (now.has(root)) continue;
      this.distrusts += 1;
      this.distrustedMs = nowMs;
      this.#distrustedMs.push(nowMs);
      if (this.#distrustedMs.length > distrustsMax) this.#distrustedMs.shift();
      break;
    }
    this.#roots = now;
  }
}

/** One serves both roles: a session of one is never taken up in the other, there are none. */
function createContext(identity: IdentitySnapshot, certified: boolean): SecureContext {
  const missing = verifySecureHandle();
  if (missing !== '') throw new Error(missing);
  // Loaded by a proxy that has an identity, and by no other: it is 3 MB.
  const tls = process.getBuiltinModule('node:tls');
  const options: SecureContextOptions = {
    // Never empty here: Node would trust the roots of the web instead.
    ca: splitCertificates(identity.roots),
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ciphers,
    ecdhCurve: groups,
    honorCipherOrder: true,
    secureOptions: noTickets,
  };
  if (!certified) return tls.createSecureContext(options);
  return tls.createSecureContext({ ...options, key: identity.key, cert: identity.chain });
}

/** Each certificate of a PEM text by itself: Node reads only the first of one text. */
function splitCertificates(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/** What Linkerd's proxies take; the first is the fastest where there are instructions for AES. */
const ciphers = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';
const groups = 'X25519MLKEM768:X25519:P-256:P-384';
/** Each is a whole rotation. */
const distrustsMax = 16;
/**
 * SSL_OP_NO_TICKET: nothing is resumed, so that each handshake verifies the peer anew. OpenSSL
 * sends two tickets all the same, which mean nothing to anybody: they name sessions that are not
 * kept. Node has no call for their number (SSL_CTX_set_num_tickets); only a configuration file of
 * OpenSSL has one (NumTickets), for the whole process and in place of the host's own, which may be
 * there for FIPS.
 */
const noTickets = 0x4000;
