/** Roots, issuer and the certificates of proxies: what is well and what is not. Pure. */

import type { Certificate } from '../../core/identity/certificate.ts';
import type { AuthorityView } from '../authority-messages.ts';
import type { ProxyIdentity } from '../proxy-identity.ts';
import { formatAge } from '../table.ts';
import type { CheckFacts, ControlFacts, ProxyFacts } from './facts.ts';
import { type Category, type Check, judge } from './report.ts';

/** Nothing where no control plane certifies and no proxy has an identity. */
export function judgeIdentity({ controls, proxies }: CheckFacts, nowMs: number): Category {
  const authorities = controls.flatMap(({ authority }) => {
    return authority !== null && 'value' in authority ? [authority.value] : [];
  });
  const of = controls.length > 1;
  const checks = [
    ...controls.flatMap((control) => judgeAuthority(control, of ? `${control.address}: ` : '')),
    ...judgeProxies(proxies, nowMs),
    ...judgeBundles(proxies, authorities),
    ...judgeClocks(proxies),
  ];
  return { name: 'identity', checks };
}

function judgeAuthority({ authority }: ControlFacts, of: string): Check[] {
  if (authority === null || 'reason' in authority) return [];
  const view = authority.value;
  const anchors = view.anchors.filter(({ role }) => role !== 'retiring');
  return [
    judge(
      'certificates-can-be-signed',
      `${of}certificates of ${view.trustDomain} can be signed`,
      view.problem === '' ? [] : [view.problem],
    ),
    judgeLives(
      'trust-anchors-are-valid',
      `${of}trust anchors are valid`,
      anchors.map(({ certificate }) => certificate),
      view.nowMs,
    ),
    judgeLives('issuer-is-valid', `${of}the issuer is valid`, view.issuer.slice(0, 1), view.nowMs),
    judgeRotation(view, of),
  ];
}

/** The shortest life is in the description, each that is short in a line of its own. */
function judgeLives(
  anchor: 'trust-anchors-are-valid' | 'issuer-is-valid',
  text: string,
  certificates: readonly Certificate[],
  nowMs: number,
): Check {
  const failures: string[] = certificates.length === 0 ? ['there is none'] : [];
  const warnings: string[] = [];
  for (const certificate of certificates) {
    const { notBeforeMs, notAfterMs, fingerprint } = certificate;
    const name = fingerprint.slice(0, printChars);
    if (nowMs >= notAfterMs) failures.push(`${name} expired ${formatAge(nowMs - notAfterMs)} ago`);
    else if (nowMs < notBeforeMs) failures.push(`${name} is not valid yet: see clocks`);
    else warnings.push(...tellAge(name, notBeforeMs, notAfterMs, nowMs));
  }
  const endMs = Math.min(...certificates.map(({ notAfterMs }) => notAfterMs));
  const left = Number.isFinite(endMs) && endMs > nowMs ? `, for ${formatAge(endMs - nowMs)}` : '';
  return judge(anchor, `${text}${left}`, failures, warnings);
}

function tellAge(name: string, beginMs: number, endMs: number, nowMs: number): string[] {
  const share = (nowMs - beginMs) / (endMs - beginMs);
  const passed = [...sharesWarned].find((one) => share >= one);
  if (passed === undefined) return [];
  const left = formatAge(endMs - nowMs);
  return [`${name} has lived more than ${passed * 100} % of its life, and ends in ${left}`];
}

function judgeRotation({ phase, phaseSinceMs, nowMs, ...view }: AuthorityView, of: string): Check {
  const { unconfirmed, unconfirmedCount: count } = view;
  const age = phaseSinceMs === null ? '' : `, for ${formatAge(nowMs - phaseSinceMs)}`;
  const isWaiting = phase !== 'idle' && count > 0;
  const state = phase === 'idle' ? 'no rotation is under way' : `a rotation is at ${phase}${age}`;
  const names = unconfirmed.slice(0, namesMax).join(', ');
  const more = count > namesMax ? ` and ${count - namesMax} more` : '';
  const line = `nothing is retired before these have confirmed: ${names}${more}`;
  return judge('rotation-goes-on', `${of}${state}`, [], isWaiting ? [line] : []);
}

function judgeProxies(proxies: readonly ProxyFacts[], nowMs: number): Check[] {
  const known = certifiedOnes(proxies);
  if (known.length === 0) return [];
  const failures = known
    .filter(({ certificate }) => bare.has(certificate.state))
    .map(({ name, certificate }) => `${name} is ${certificate.state}${reasonOf(certificate)}`);
  const held = known.filter(({ certificate }) => !bare.has(certificate.state));
  const warnings = held.flatMap(({ name, certificate }) => tellRefresh(name, certificate, nowMs));
  const count = `(${known.length})`;
  const checks = [judge('proxies-are-certified', `proxies are certified ${count}`, failures)];
  if (held.length > 0) {
    const text = `certificates of proxies are refreshed in time (${held.length})`;
    checks.push(judge('certificates-are-refreshed', text, [], warnings));
  }
  return checks;
}

function tellRefresh(name: string, certificate: ProxyIdentity, nowMs: number): string[] {
  const { state, startMs, endMs } = certificate;
  const left = endMs === null ? '' : `; what it has ends in ${formatAge(endMs - nowMs)}`;
  if (state === 'failing') return [`${name} cannot refresh its own${reasonOf(certificate)}${left}`];
  if (startMs === null || endMs === null) return [];
  const isLate = (nowMs - startMs) / (endMs - startMs) >= leafShareLate;
  return isLate ? [`${name} should have another one by now${left}`] : [];
}

function judgeBundles(
  proxies: readonly ProxyFacts[],
  authorities: readonly AuthorityView[],
): Check[] {
  const [first, ...others] = authorities;
  if (first === undefined) return [];
  const failures = others.some(({ bundle }) => bundle !== first.bundle)
    ? ['control planes have different trust anchors: give them one --identity-dir']
    : [];
  const known = certifiedOnes(proxies).filter(({ certificate }) => certificate.bundle !== '');
  const apart = known.filter(({ certificate }) =>
    authorities.every(({ bundle }) => bundle !== certificate.bundle),
  );
  const isRotating = authorities.some(({ phase }) => phase !== 'idle');
  const lines = apart.map(({ name }) => `${name} has other trust anchors than the control plane`);
  const description = `all have the same trust anchors (${known.length} proxies)`;
  const [errors, warnings] = isRotating ? [failures, lines] : [[...failures, ...lines], []];
  return [judge('trust-anchors-agree', description, errors, warnings)];
}

/** A certificate is good for both sides at once only where their clocks agree. */
function judgeClocks(proxies: readonly ProxyFacts[]): Check[] {
  const known = certifiedOnes(proxies).flatMap(({ name, proxy }) => {
    const { samples, askedMs, answeredMs } = proxy;
    const seconds = samples.find(({ family }) => family === 'process_clock_time_seconds')?.value;
    if (seconds === undefined) return [];
    const offMs = Math.max(seconds * 1000 - answeredMs, askedMs - seconds * 1000, 0);
    return [{ offMs, line: `${name}: its clock is off by ${(offMs / 1000).toFixed(1)} s` }];
  });
  if (known.length === 0) return [];
  const failures = known.filter(({ offMs }) => offMs > skewMsMax).map(({ line }) => line);
  const warnings = known
    .filter(({ offMs }) => offMs > skewMsUsual && offMs <= skewMsMax)
    .map(({ line }) => line);
  const description = `clocks of proxies agree with this machine's (${known.length})`;
  return [judge('clocks-of-proxies-agree', description, failures, warnings)];
}

interface CertifiedProxy {
  readonly name: string;
  readonly certificate: ProxyIdentity;
  readonly proxy: ProxyFacts;
}

function certifiedOnes(proxies: readonly ProxyFacts[]): CertifiedProxy[] {
  return proxies.flatMap((proxy) => {
    const { name, certificate } = proxy;
    const isOff = certificate === null || certificate.state === 'off';
    return isOff ? [] : [{ name, certificate, proxy }];
  });
}

function reasonOf({ error }: ProxyIdentity): string {
  return error === '' ? '' : `: ${error}`;
}

/** They have nothing that peers accept. */
const bare: ReadonlySet<string> = new Set(['uncertified', 'expired']);
/** The larger first. */
const sharesWarned = [0.8, 0.5];
/** A proxy asks for the next one at 0.7. */
const leafShareLate = 0.8;
/** As of control planes. */
const skewMsMax = 20_000;
const skewMsUsual = 1_000;
const printChars = 12;
const namesMax = 5;
