/** What a proxy serves as its certificate, judged and as text; in the form of Linkerd's. Pure. */

import { type Certificate, isSignedBy } from '../core/identity/certificate.ts';
import { readSubjectNames } from '../core/identity/san.ts';
import { shortIdentity } from './edge-rows.ts';
import { type Column, formatAge, renderTable } from './table.ts';

export interface ServedIdentity {
  /** As people know the proxy. */
  readonly proxy: string;
  /** Where it was asked; empty where it could not be. */
  readonly address: string;
  /** What it should prove; empty for nothing. */
  readonly identity: string;
  /** As it was served, the leaf first; empty where nothing was. */
  readonly chain: readonly Certificate[];
  /** Why there is no chain; empty where there is one, or where none is expected. */
  readonly failure: string;
}

/** What is not well, as a sentence; empty when all is. `roots` is null where nobody knows them. */
export function judgeServed(
  { identity, chain, failure }: ServedIdentity,
  roots: readonly Certificate[] | null,
  nowMs: number,
): string {
  if (failure !== '' || chain.length === 0) return failure;
  const [leaf] = chain;
  if (nowMs >= leaf.notAfterMs) return `expired ${formatAge(nowMs - leaf.notAfterMs)} ago`;
  if (nowMs < leaf.notBeforeMs)
    return `valid in ${formatAge(leaf.notBeforeMs - nowMs)}: see clocks`;
  const names = namesOf(leaf);
  if (identity !== '' && !names.includes(identity)) {
    return `proves ${names.join(', ') || 'no name'}, not ${identity}`;
  }
  return roots !== null && rootOf(chain, roots) === null ? 'leads to no trust anchor' : '';
}

/** The trust anchor that the chain leads to; null for none of these. */
export function rootOf(
  chain: readonly Certificate[],
  roots: readonly Certificate[],
): Certificate | null {
  const isNext = (at: number): boolean => at === 0 || isSignedBy(chain[at - 1], chain[at]);
  for (let at = 0; at < chain.length && isNext(at); at++) {
    const found = roots.find((root) => {
      return root.fingerprint === chain[at].fingerprint || isSignedBy(chain[at], root);
    });
    if (found !== undefined) return found;
  }
  return null;
}

/** A line each. */
export function renderServed(
  served: readonly ServedIdentity[],
  roots: readonly Certificate[] | null,
  nowMs: number,
  form: 'table' | 'wide',
): string {
  const cut = (print: string): string => (form === 'wide' ? print : print.slice(0, printChars));
  const rows = served.map((one) => {
    const { proxy, address, identity, chain } = one;
    const problem = judgeServed(one, roots, nowMs);
    if (chain.length === 0) {
      const status = problem === '' ? 'has no identity' : problem;
      return [proxy, address || '-', '-', '-', '-', '-', '-', status];
    }
    const [leaf] = chain;
    const name = namesOf(leaf)[0] ?? identity;
    const root = rootOf(chain, roots ?? [])?.fingerprint ?? '-';
    const left = leaf.notAfterMs > nowMs ? formatAge(leaf.notAfterMs - nowMs) : '-';
    const shown = form === 'wide' ? name : shortIdentity(name);
    const issuer = issuerOf(leaf);
    const age = formatAge(nowMs - leaf.notBeforeMs);
    return [proxy, address, shown, issuer, cut(root), age, left, problem || '\u221a'];
  });
  const titles = ['PROXY', 'ADDRESS', 'IDENTITY', 'ISSUER', 'ROOT', 'AGE', 'LEFT', 'STATUS'];
  const columns = titles.map((title): Column => ({ title, align: 'left' }));
  return renderTable(columns, rows, Number.POSITIVE_INFINITY);
}

/** All that a person may want to see, as `linkerd identity` shows it. */
export function describeServed(
  served: ServedIdentity,
  roots: readonly Certificate[] | null,
  nowMs: number,
): string {
  const { proxy, address, chain } = served;
  const problem = judgeServed(served, roots, nowMs);
  const lines = [`PROXY ${proxy} (${address || 'not asked'})`, ''];
  if (chain.length === 0) lines.push(problem === '' ? 'It has no identity.' : problem, '');
  for (const certificate of chain) lines.push(...describe(certificate));
  if (chain.length > 0) {
    const root = rootOf(chain, roots ?? []);
    const shown = root === null ? '' : `${issuerOf(root)}, ${colons(root.fingerprint)}`;
    if (roots === null)
      lines.push('Trust anchor: not known here, no control plane has told of any');
    else lines.push(`Trust anchor: ${shown === '' ? 'none' : shown}`);
    lines.push(`Status: ${problem === '' ? 'good' : problem}`, '');
  }
  return `${lines.join('\n')}\n`;
}

export function servedJson(
  served: readonly ServedIdentity[],
  roots: readonly Certificate[] | null,
  nowMs: number,
): string {
  const list = served.map((one) => ({
    proxy: one.proxy,
    address: one.address,
    identity: one.identity,
    problem: judgeServed(one, roots, nowMs),
    root: rootOf(one.chain, roots ?? [])?.fingerprint ?? null,
    certificates: one.chain.map((certificate) => ({
      subject: certificate.x509.subject ?? '',
      names: namesOf(certificate),
      issuer: certificate.x509.issuer,
      notBefore: timeText(certificate.notBeforeMs),
      notAfter: timeText(certificate.notAfterMs),
      serialNumber: certificate.x509.serialNumber.toLowerCase(),
      fingerprint: certificate.fingerprint,
      pem: certificate.pem,
    })),
  }));
  return `${JSON.stringify(list, null, 2)}\n`;
}

function describe(certificate: Certificate): string[] {
  const { x509, notBeforeMs, notAfterMs, fingerprint } = certificate;
  const { asymmetricKeyType = '', asymmetricKeyDetails: details = {} } = x509.publicKey;
  const size = details.namedCurve ?? details.modulusLength ?? '';
  const names = namesOf(certificate).map((name) => {
    return `                ${name.startsWith('spiffe:') ? 'URI' : 'DNS'}:${name}`;
  });
  return [
    'Certificate:',
    '    Data:',
    `        Serial Number: ${colons(x509.serialNumber.toLowerCase())}`,
    `    Signature Algorithm: ${x509.signatureAlgorithm ?? 'unknown'}`,
    `        Issuer: ${oneLine(x509.issuer)}`,
    '        Validity',
    `            Not Before: ${timeText(notBeforeMs)}`,
    `            Not After : ${timeText(notAfterMs)}`,
    `        Subject: ${oneLine(x509.subject ?? '')}`,
    `        Public Key Algorithm: ${asymmetricKeyType} ${size}`.trimEnd(),
    `        X509v3 Basic Constraints: CA:${x509.ca ? 'TRUE' : 'FALSE'}`,
    ...(names.length === 0 ? [] : ['        X509v3 Subject Alternative Name:', ...names]),
    `    Fingerprint (SHA-256): ${colons(fingerprint)}`,
    '',
  ];
}

function namesOf({ der }: Certificate): string[] {
  return readSubjectNames(der)?.names.map(({ name }) => name) ?? [];
}

/** Its common name, where it has one. */
function issuerOf({ x509 }: Certificate): string {
  return /^CN=(.+)$/m.exec(x509.issuer)?.[1] ?? oneLine(x509.issuer);
}

function oneLine(name: string): string {
  return name.trim().split('\n').join(', ');
}

function colons(hex: string): string {
  return hex.match(/../g)?.join(':') ?? hex;
}

/** `2026-01-31 12:00:00 UTC` */
function timeText(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');
}

const printChars = 12;
