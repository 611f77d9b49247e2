/**
 * How roots and issuers take each other's place, as functions from one state to the next:
 *
 *   idle ──next root──> distribute ──all have the bundle──> switch ──all have leaves of it──> idle
 *                       bundle: old + new                   bundle: old + new      bundle: new
 *                       leaves: by old                      leaves: by new
 *
 * An issuer alone is replaced by `switch` too: the bundle stays, and all have to have leaves of it.
 * Where nothing signs any more, a rotation begins with `switch`: there is nothing to wait for.
 */

import { renewalShare } from '../../core/base/certificate-limits.ts';
import type { Certificate } from '../../core/identity/certificate.ts';
import { sortedBundle } from './certificate.ts';
import type { AuthorityState } from './identity-files.ts';
import { createIssuer, createRoot, refuseSigner, type Signer } from './signer.ts';

/** What should be in the bundle when all is at rest. Without a root of our own nothing goes. */
export function wantedAnchors(
  { root, anchors }: AuthorityState,
  more: readonly Certificate[],
): readonly Certificate[] {
  return sortedBundle([...(root === null ? anchors : [root.certificate]), ...more]);
}

/** A root of our own, and an issuer by it; the first, or when nothing is left of those before. */
export function foundAuthority(
  state: AuthorityState,
  trustDomain: string,
  nowMs: number,
): AuthorityState {
  const root = createRoot(trustDomain, nowMs);
  const usable = state.anchors.filter((one) => nowMs < one.notAfterMs);
  return {
    ...switchIssuer(state, root, createIssuer(root, trustDomain, nowMs), nowMs),
    anchors: sortedBundle([...usable, root.certificate]),
    phase: usable.length === 0 ? 'idle' : 'switch',
  };
}

/** The other root enters the bundle. */
export function distributeRoot(
  state: AuthorityState,
  trustDomain: string,
  nowMs: number,
): AuthorityState {
  const nextRoot = createRoot(trustDomain, nowMs);
  const anchors = sortedBundle([...state.anchors, nextRoot.certificate]);
  return { ...state, nextRoot, anchors, phase: 'distribute', phaseSinceMs: nowMs };
}

/** Leaves are signed by what comes from here on. */
export function switchIssuer(
  state: AuthorityState,
  root: Signer | null,
  issuer: Signer,
  nowMs: number,
): AuthorityState {
  return {
    ...renewIssuer(state, issuer, nowMs),
    root,
    nextRoot: null,
    phase: 'switch',
    phaseSinceMs: nowMs,
  };
}

/** Another issuer below the same root. */
function renewIssuer(state: AuthorityState, issuer: Signer, nowMs: number): AuthorityState {
  const before = state.issuer?.certificate;
  const former = before === undefined ? state.former : [...state.former, before];
  return { ...state, issuer, former: former.filter((one) => nowMs < one.notAfterMs) };
}

/** What goes leaves the bundle. */
export function retireAnchors(
  state: AuthorityState,
  wanted: readonly Certificate[],
  nowMs: number,
): AuthorityState {
  return { ...state, anchors: wanted, phase: 'idle', phaseSinceMs: nowMs };
}

/** Whether it should be replaced by now. */
function isDue({ notBeforeMs, notAfterMs }: Certificate, nowMs: number): boolean {
  return nowMs >= notBeforeMs + (notAfterMs - notBeforeMs) * renewalShare;
}

/** Whether a root of our own can still sign issuers. */
export function canSign(root: Signer | null, nowMs: number): root is Signer {
  return root !== null && refuseSigner(root, [root.certificate], nowMs) === null;
}

/**
 * What is to be done by itself, whatever proxies have confirmed: the same state when nothing is.
 * Leaves a root that has expired, or whose key is lost, to a repair.
 */
export function maintain(
  state: AuthorityState,
  more: readonly Certificate[],
  trustDomain: string,
  nowMs: number,
): AuthorityState {
  let next = state;
  const { root, issuer, nextRoot } = state;
  const isUsable = issuer !== null && refuseSigner(issuer, state.anchors, nowMs) === null;
  if (canSign(root, nowMs)) {
    const isCapped = issuer?.certificate.notAfterMs === root.certificate.notAfterMs;
    if (!isUsable || (isDue(issuer.certificate, nowMs) && !isCapped)) {
      next = renewIssuer(next, createIssuer(root, trustDomain, nowMs), nowMs);
    }
    if (next.phase !== 'distribute' && isDue(root.certificate, nowMs)) {
      next = distributeRoot(next, trustDomain, nowMs);
    }
  } else if (!isUsable && canSign(nextRoot, nowMs)) {
    // Nothing signs any more: there is nothing to wait for.
    next = switchIssuer(next, nextRoot, createIssuer(nextRoot, trustDomain, nowMs), nowMs);
  }
  return admitAnchors(next, wantedAnchors(next, more), nowMs);
}

/** Makes whole what is expired or lost; what still signs goes on while proxies take the root. */
export function repairState(
  state: AuthorityState,
  more: readonly Certificate[],
  trustDomain: string,
  nowMs: number,
): AuthorityState {
  const mended = maintain(state, more, trustDomain, nowMs);
  if (canSign(mended.root, nowMs)) return mended;
  const { issuer, anchors, phase } = mended;
  const isUsable = issuer !== null && refuseSigner(issuer, anchors, nowMs) === null;
  if (!isUsable) return foundAuthority(mended, trustDomain, nowMs);
  return phase === 'distribute' ? mended : distributeRoot(mended, trustDomain, nowMs);
}

/** Anchors that should be there enter at once; those that should not leave by a rotation. */
export function admitAnchors(
  state: AuthorityState,
  wanted: readonly Certificate[],
  nowMs: number,
): AuthorityState {
  const isWhole = wanted.every((one) => has(state.anchors, one));
  const anchors = isWhole ? state.anchors : sortedBundle([...state.anchors, ...wanted]);
  const isTight = anchors.every((one) => has(wanted, one));
  const starts = state.phase === 'idle' && !isTight;
  if (!starts) return isWhole ? state : { ...state, anchors };
  return { ...state, anchors, phase: 'switch', phaseSinceMs: nowMs };
}

function has(list: readonly Certificate[], one: Certificate): boolean {
  return list.some(({ fingerprint }) => fingerprint === one.fingerprint);
}
