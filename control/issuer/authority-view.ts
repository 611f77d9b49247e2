/** What others see of an authority: its issuer and trust anchors, and what is wrong with them. */

import type { Certificate } from '../../core/identity/certificate.ts';
import { bundleDigest } from './certificate.ts';
import type { AuthorityState, Phase } from './identity-files.ts';
import { canSign } from './rotation.ts';
import { refuseSigner, type Signer, signerEndMs } from './signer.ts';

export interface AuthorityLog {
  info(message: string, fields: Readonly<Record<string, string | number>>): void;
  warn(message: string, fields: Readonly<Record<string, string | number>>): void;
}

export interface AuthorityView {
  /** Null while nothing can be signed, for `problem`. */
  readonly signer: Signer | null;
  /** The issuer first, without the trust anchor. */
  readonly chain: readonly Certificate[];
  /** How long what it signs can be good. */
  readonly endMs: number;
  /** A sentence without its full stop that says what to do; empty while all is well. */
  readonly problem: string;
  /** What takes the place of the root, while it is distributed. */
  readonly next: Certificate | null;
  /** What the bundle has when all is at rest. */
  readonly wanted: readonly Certificate[];
  readonly anchors: readonly Certificate[];
  readonly digest: string;
  /** Fingerprint; empty without an issuer. */
  readonly issuer: string;
  readonly phase: Phase;
  readonly phaseSinceMs: number;
  readonly former: readonly Certificate[];
  /** Whether the root can be replaced and the issuer renewed by us. */
  readonly isOwn: boolean;
}

interface Outlook {
  readonly nowMs: number;
  readonly wanted: readonly Certificate[];
  /** The first of the files that cannot be read, as a sentence; or empty. */
  readonly unread: string;
  /** What is wrong with an issuer that others keep; null where it is our own. */
  readonly external: string | null;
}

export function lookAt(state: AuthorityState, outlook: Outlook): AuthorityView {
  const { issuer, nextRoot, anchors, phase, phaseSinceMs, former } = state;
  const refusal = issuer === null ? 'is not there' : refuseSigner(issuer, anchors, outlook.nowMs);
  const signer = refusal === null ? issuer : null;
  return {
    signer,
    chain: signer === null ? [] : chainOf(signer, anchors),
    endMs: signer === null ? 0 : signerEndMs(signer, anchors),
    problem: problemOf(state, refusal, outlook),
    next: nextRoot?.certificate ?? null,
    wanted: outlook.wanted,
    anchors,
    digest: bundleDigest(anchors),
    issuer: issuer?.certificate.fingerprint ?? '',
    phase,
    phaseSinceMs,
    former,
    isOwn: outlook.external === null,
  };
}

/** What somebody who reads the log should know of a change. */
export function tellChange(log: AuthorityLog, before: AuthorityView, view: AuthorityView): void {
  if (view.problem !== '' && view.problem !== before.problem) {
    log.warn('certificates need a look', { problem: view.problem });
  }
  if (view.signer !== null && view.issuer !== before.issuer) {
    const ends = new Date(view.endMs).toISOString();
    log.info('leaves are signed by another issuer', { issuer: view.issuer, ends });
  }
  if (view.digest !== before.digest) {
    log.info('the trust anchors have changed', {
      anchors: view.anchors.length,
      bundle: view.digest,
    });
  }
  if (view.phase !== before.phase) log.info('rotation', { phase: view.phase });
}

function problemOf(
  { root }: AuthorityState,
  refusal: string | null,
  { unread, external, nowMs }: Outlook,
): string {
  if (external !== null) {
    if (external !== '' || refusal === null) return external;
    return `the issuer of --issuer-dir ${refusal}: put another one there`;
  }
  const repair = 'heddle identity repair makes it whole';
  if (refusal !== null) return `${unread || `the issuer ${refusal}`}: ${repair}`;
  if (canSign(root, nowMs)) return '';
  return `${unread || 'the root cannot sign the next issuer'}: ${repair}`;
}

function chainOf(signer: Signer, anchors: readonly Certificate[]): readonly Certificate[] {
  const isAnchor = ({ fingerprint }: Certificate): boolean =>
    anchors.some((one) => one.fingerprint === fingerprint);
  return [signer.certificate, ...signer.intermediates].filter((one) => !isAnchor(one));
}
