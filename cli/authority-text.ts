/** How the certificates of a mesh do, for a person: `heddle identity status`. Pure. */

import type { Certificate } from '../core/identity/certificate.ts';
import type { AuthorityView } from './authority-messages.ts';
import type { ProxyIdentity } from './proxy-identity.ts';
import { formatAge } from './table.ts';
import type { ConfirmedTrust } from './view-messages.ts';

/** A proxy that a control plane knows, and what it says of itself. */
interface TrustedProxy {
  readonly name: string;
  /** Null where it does not say, as Linkerd's. */
  readonly identity: ProxyIdentity | null;
  /** What it has told a control plane, which is all that is known of those of other hosts. */
  readonly confirmed: ConfirmedTrust | null;
}

/** Where a proxy is in a rotation, and why it cannot go on. */
export interface Confirmation {
  readonly name: string;
  readonly bundle: 'yes' | 'no' | '-';
  readonly issuer: 'yes' | 'no' | '-';
  readonly problem: string;
}

export function confirmationsOf(
  { bundle, issuer }: AuthorityView,
  proxies: readonly TrustedProxy[],
): Confirmation[] {
  const wanted = issuer[0]?.fingerprint ?? '';
  const compare = (said: Pick<ConfirmedTrust, 'bundle' | 'issuer'>) =>
    ({
      bundle: said.bundle === bundle ? 'yes' : 'no',
      issuer: said.issuer === wanted ? 'yes' : 'no',
    }) as const;
  return proxies.map(({ name, identity, confirmed }) => {
    if (identity === null && confirmed !== null) {
      return { name, ...compare(confirmed), problem: '' };
    }
    if (identity === null) {
      const problem = 'has confirmed no trust anchors: it is not of ours, or has no certificate';
      return { name, bundle: '-', issuer: '-', problem };
    }
    if (identity.state === 'off') return { name, bundle: '-', issuer: '-', problem: '' };
    return {
      name,
      ...compare(identity),
      problem: identity.error || (identity.state === 'certified' ? '' : identity.state),
    };
  });
}

export function describeAuthority(
  view: AuthorityView,
  confirmations: readonly Confirmation[],
): string {
  const { trustDomain, isOwn, anchors, issuer, phase, phaseSinceMs, nowMs, problem } = view;
  const isTimed = phase !== 'idle' && phaseSinceMs !== null;
  const since = isTimed ? ` for ${formatAge(nowMs - phaseSinceMs)}` : '';
  const lines = [
    `trust domain    ${trustDomain}`,
    `phase           ${phase}${since}: ${explainPhase(view)}`,
    ...anchors.map(({ certificate, role }) => {
      return `trust anchor    ${describe(certificate, nowMs)}, ${role}`;
    }),
    ...issuer.slice(0, 1).map((one) => `issuer          ${describe(one, nowMs)}`),
    `kept by         ${isOwn ? 'this control plane' : 'others: --issuer-dir'}`,
    ...(view.controlEndMs === null
      ? []
      : [
          `control plane   its own certificate is good for ${formatAge(view.controlEndMs - nowMs)}`,
        ]),
  ];
  if (problem !== '') lines.push(`problem         ${problem}`);
  const withIdentity = confirmations.filter(({ bundle }) => bundle !== '-');
  const have = (key: 'bundle' | 'issuer'): number =>
    withIdentity.filter((one) => one[key] === 'yes').length;
  const { length } = withIdentity;
  lines.push(
    `confirmed       the trust anchors: ${have('bundle')} of ${length} proxies, ` +
      `a leaf of the issuer: ${have('issuer')} of ${length}`,
  );
  lines.push(...describeUnconfirmed(view), ...describeTroubles(confirmations));
  return `${lines.join('\n')}\n`;
}

function explainPhase({ phase, anchors }: AuthorityView): string {
  const hasLeaving = anchors.some(({ role }) => role === 'retiring');
  if (phase === 'switch' && !hasLeaving) return issuerSwitch;
  return phases[phase] ?? 'not known here';
}

function describeUnconfirmed({ phase, unconfirmed, unconfirmedCount }: AuthorityView): string[] {
  if (phase === 'idle') return [];
  if (unconfirmedCount === 0) return ['nobody holds the rotation up: it goes on in a moment'];
  const more = unconfirmedCount - unconfirmed.length;
  return [
    `not confirmed, ${unconfirmedCount}; nothing is retired before they have:`,
    ...unconfirmed.map((name) => `  ${name}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}

function describeTroubles(confirmations: readonly Confirmation[]): string[] {
  const troubled = confirmations.filter(({ problem }) => problem !== '');
  return troubled.map(({ name, problem }) => `${name}: ${problem}`);
}

export function authorityJson(view: AuthorityView, confirmations: readonly Confirmation[]): string {
  const anchors = view.anchors.map(({ certificate, role }) => toJson(certificate, role));
  const issuer = view.issuer.map((one) => toJson(one));
  const shown = { ...view, anchors, issuer, proxies: confirmations };
  return `${JSON.stringify(shown, null, 2)}\n`;
}

function toJson({ x509, notBeforeMs, notAfterMs, fingerprint }: Certificate, role?: string) {
  return {
    subject: x509.subject,
    notBefore: new Date(notBeforeMs).toISOString(),
    notAfter: new Date(notAfterMs).toISOString(),
    fingerprint,
    role,
  };
}

function describe({ fingerprint, notAfterMs }: Certificate, nowMs: number): string {
  const leftMs = notAfterMs - nowMs;
  const left = leftMs > 0 ? `good for ${formatAge(leftMs)}` : `expired ${formatAge(-leftMs)} ago`;
  return `${fingerprint.slice(0, printChars)}  ${left}`;
}

const phases: Readonly<Record<string, string>> = {
  idle: 'no rotation is under way',
  distribute: 'the next root is on its way to all proxies, leaves are signed as before',
  switch: 'leaves are signed by the new issuer, the old root is trusted beside the new one',
};
const issuerSwitch = 'leaves are signed by the next issuer, below the same root';
const printChars = 16;
