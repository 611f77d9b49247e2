/**
 * Who a peer is, once the handshake is done. A chain that does not lead to a trust anchor is no
 * identity, whatever it says; only behind that are the names of the leaf read.
 */

import { isIdentityName } from '../identity/names.ts';
import { readSubjectNames } from '../identity/san.ts';
import type { PeerCertificate, SecureHandle } from '../io/secure-handle.ts';

type Verdict =
  /** The names that the leaf proves, in their order; none when the peer showed no certificate. */
  | { readonly names: readonly string[] }
  /** A sentence without its full stop. */
  | { readonly refusal: string };

/** Names in the common name alone, wildcards, addresses and e-mail addresses prove nothing. */
export function verifyPeer(handle: SecureHandle): Verdict {
  const error = handle.verifyError();
  const leaf = handle.getPeerX509Certificate();
  if (leaf === undefined) return { names: [] };
  if (error != null) return { refusal: describe(error.code ?? error.message) };
  if (countIssuers(leaf) > issuersMax) return { refusal: 'its chain of certificates is too long' };
  const subject = readSubjectNames(leaf.raw());
  if (subject === null) return { refusal: 'its certificate is malformed' };
  const names = subject.names.filter(({ name }) => isIdentityName(name)).map(({ name }) => name);
  if (names.length === 0) return { refusal: 'its certificate has no name that is an identity' };
  return { names };
}

/** One more than allowed is enough to know. */
function countIssuers(leaf: PeerCertificate): number {
  let count = 0;
  let issuer = leaf.getIssuerCert();
  while (issuer !== undefined && count <= issuersMax) {
    count += 1;
    issuer = issuer.getIssuerCert();
  }
  return count;
}

/** The trust anchor among them. */
const issuersMax = 5;
function describe(code: string): string {
  const remedy = unanchored.has(code) ? ` (${otherRoots})` : '';
  return `its certificate is not good: ${code}${remedy}`;
}

/** What OpenSSL says where no trust anchor of ours is at the end of the chain. */
const unanchored = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
const otherRoots =
  'it has a root that is not trusted here; who was away while the roots changed takes a new ' +
  'token: heddle token create, where heddle up runs';
