/** What `heddle check` prints, in the form of Linkerd's: marks, details, hints. Pure. */

import { cleanText } from '../table.ts';

/** Sections of docs/CHECKS.md, in its order. */
type Anchor =
  | 'configuration-is-valid'
  | 'control-plane-answers'
  | 'control-plane-is-ready'
  | 'control-plane-has-settled'
  | 'clocks-agree'
  | 'sources-are-confirmed'
  | 'no-object-is-refused'
  | 'endpoints-are-confirmed'
  | 'services-have-endpoints'
  | 'proxies-answer'
  | 'proxies-are-ready'
  | 'proxies-apply-their-configuration'
  | 'watches-are-live'
  | 'no-target-is-refused'
  | 'instances-serve'
  | 'certificates-can-be-signed'
  | 'trust-anchors-are-valid'
  | 'issuer-is-valid'
  | 'rotation-goes-on'
  | 'proxies-are-certified'
  | 'certificates-are-refreshed'
  | 'trust-anchors-agree'
  | 'clocks-of-proxies-agree'
  | 'control-planes-have-this-version'
  | 'proxies-have-this-version'
  | 'node-is-recent'
  | 'descriptors-suffice'
  | 'workers-are-alive';

export interface Check {
  readonly description: string;
  /** The section of docs/CHECKS.md that says what to do. */
  readonly anchor: Anchor;
  readonly result: 'success' | 'warning' | 'error';
  /** What is wrong, a line each; empty for a success. */
  readonly details: readonly string[];
}

export interface Category {
  readonly name: string;
  readonly checks: readonly Check[];
}

/** Failures count more than warnings; without either it is a success. */
export function judge(
  anchor: Anchor,
  description: string,
  failures: readonly string[],
  warnings: readonly string[] = [],
): Check {
  const details = [...failures, ...warnings];
  if (details.length === 0) return { description, anchor, result: 'success', details };
  return { description, anchor, result: failures.length > 0 ? 'error' : 'warning', details };
}

export function hasFailed(categories: readonly Category[]): boolean {
  return categories.some(({ checks }) => checks.some(({ result }) => result === 'error'));
}

/** `short` leaves out what is well. */
export function renderChecks(
  categories: readonly Category[],
  form: 'table' | 'short',
  color: boolean,
): string {
  const paint = (mark: Mark): string => (color ? `${mark.color}${mark.text}${reset}` : mark.text);
  const parts: string[] = [];
  for (const { name, checks } of categories) {
    const shown = checks.filter(({ result }) => form === 'table' || result !== 'success');
    if (shown.length === 0) continue;
    const lines = shown.flatMap((check) => {
      const line = `${paint(marks[check.result])} ${cleanText(check.description)}`;
      return [line].concat(renderDetails(check));
    });
    parts.push(`${name}\n${'-'.repeat(name.length)}\n${lines.join('\n')}\n`);
  }
  const sum = paint(hasFailed(categories) ? marks.error : marks.success);
  return [...parts, `Status check results are ${sum}\n`].join('\n');
}

/** As Linkerd's `check -o json`. */
export function checksJson(categories: readonly Category[]): string {
  const list = categories.map(({ name, checks }) => ({
    categoryName: name,
    checks: checks.map(({ description, anchor, result, details }) => {
      if (result === 'success') return { description, result };
      return { description, hint: hintOf(anchor), error: details.join('\n'), result };
    }),
  }));
  return `${JSON.stringify({ success: !hasFailed(categories), categories: list }, null, 2)}\n`;
}

function renderDetails({ details, anchor, result }: Check): string[] {
  if (result === 'success') return [];
  const more = details.length > detailsMax ? [`and ${details.length - detailsMax} more`] : [];
  const lines = [...details.slice(0, detailsMax).map(cleanText), ...more];
  return [...lines, `see ${hintOf(anchor)} for hints`].map((line) => `    ${line}`);
}

function hintOf(anchor: Anchor): string {
  return `docs/CHECKS.md#${anchor}`;
}

interface Mark {
  readonly text: string;
  readonly color: string;
}

const marks: Readonly<Record<Check['result'], Mark>> = {
  success: { text: '\u221a', color: '\x1b[32m' },
  warning: { text: '\u203c', color: '\x1b[33m' },
  error: { text: '\u00d7', color: '\x1b[31m' },
};
const reset = '\x1b[0m';
/** Lines of one check for people; JSON has all. */
const detailsMax = 10;
