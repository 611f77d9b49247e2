/** What a control plane says of the certificates of its mesh, as plain values. Pure. */

import type { AuthorityStatus } from '../api/gen/control/authority_pb.ts';
import { type Certificate, parseCertificate } from '../core/identity/certificate.ts';

export interface AuthorityView {
  readonly trustDomain: string;
  /** Why leaves cannot be signed, or will not be for long; empty while all is well. */
  readonly problem: string;
  /** Whether roots and issuer are the control plane's own. */
  readonly isOwn: boolean;
  readonly anchors: readonly TrustAnchor[];
  /** The issuer first; empty without one. */
  readonly issuer: readonly Certificate[];
  readonly bundle: string;
  /** idle, distribute or switch. */
  readonly phase: string;
  /** In ms since 1970; null where there has been none. */
  readonly phaseSinceMs: number | null;
  /** Who has not confirmed what the phase waits for; the first of them. */
  readonly unconfirmed: readonly string[];
  readonly unconfirmedCount: number;
  readonly nowMs: number;
  /** When the leaf of the control plane itself ends; null without one. */
  readonly controlEndMs: number | null;
}

interface TrustAnchor {
  readonly certificate: Certificate;
  /** current, next or retiring. */
  readonly role: string;
}

/** Certificates that cannot be read are left out. */
export function readAuthority(message: AuthorityStatus): AuthorityView {
  const anchors = message.anchors.flatMap(({ certificate, role }) => {
    const read = parseCertificate(certificate);
    return read === null ? [] : [{ certificate: read, role }];
  });
  const chain = message.issuer?.chain ?? [];
  return {
    trustDomain: message.trustDomain,
    problem: message.problem,
    isOwn: message.own,
    anchors,
    issuer: chain.map(parseCertificate).filter((one) => one !== null),
    bundle: message.bundle,
    phase: message.phase,
    phaseSinceMs: readTime(message.phaseSinceMs),
    unconfirmed: message.unconfirmed,
    unconfirmedCount: message.unconfirmedCount,
    nowMs: Number(message.nowMs),
    controlEndMs: readTime(message.controlExpiresMs),
  };
}

function readTime(ms: bigint): number | null {
  return ms === 0n ? null : Number(ms);
}
