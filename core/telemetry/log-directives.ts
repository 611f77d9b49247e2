/**
 * The syntax of log filters, which is Linkerd's: `target[span{field=value}]=level`, each part
 * optional, one directive after another with commas between. What they mean is `log-filter.ts`'s.
 */

/** One of a filter's directives. */
export interface Directive {
  /** Empty: any. */
  readonly target: string;
  /** With its brackets; empty: in any span and in none. */
  readonly span: string;
  readonly level: FilterLevel;
}

/** What stands between the brackets of a directive. */
export interface SpanPattern {
  /** Empty: any. */
  readonly name: string;
  /** Each with its value; null: any. */
  readonly fields: readonly (readonly [name: string, value: string | null])[];
}

/** At the commas that are not inside of a span's brackets. */
export function splitDirectives(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    if (text[index] === '[') depth += 1;
    else if (text[index] === ']') depth -= 1;
    else if (text[index] === ',' && depth <= 0) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** A target alone stands for all of its lines; a word that is no path may be a slip for a level. */
export function parseDirective(text: string): Directive | null {
  const level = readLevel(text);
  if (level !== null) return { target: '', span: '', level };
  const match = directiveShape.exec(text);
  if (match === null) return null;
  const { target = '', span = '', level: named = '' } = match.groups ?? {};
  if (text === target && !bareTarget.test(target)) return null;
  if (span !== '' && parseSpan(span) === null) return null;
  const chosen = named === '' ? 'trace' : readLevel(named);
  return chosen === null ? null : { target, span, level: chosen };
}

/** `span` has its brackets, as in `[server{port=80}]`. Null when it is malformed. */
export function parseSpan(span: string): SpanPattern | null {
  const match = spanShape.exec(span);
  if (match === null) return null;
  const { name = '', list = '' } = match.groups ?? {};
  const fields: [string, string | null][] = [];
  for (const part of list.split(',')) {
    const text = part.trim();
    if (text === '') continue;
    const at = text.indexOf('=');
    if (at === 0) return null;
    if (at === -1) fields.push([text, null]);
    else fields.push([text.slice(0, at).trim(), withoutQuotes(text.slice(at + 1).trim())]);
  }
  return { name: name.trim(), fields };
}

/** The longer target first, then the one with a span. */
export function compareDirectives(one: Directive, other: Directive): number {
  const byLength = other.target.length - one.target.length || other.span.length - one.span.length;
  if (byLength !== 0) return byLength;
  return one.target + one.span < other.target + other.span ? 1 : -1;
}

export function formatDirectives(directives: readonly Directive[]): string {
  return directives
    .map(({ target, span, level }) => (target + span === '' ? level : `${target}${span}=${level}`))
    .join(',');
}

function readLevel(text: string): FilterLevel | null {
  const name = text.toLowerCase();
  return filterLevels.find((level, number) => level === name || String(number) === name) ?? null;
}

function withoutQuotes(text: string): string {
  return /^"(.*)"$/.exec(text)?.[1] ?? text;
}

export type FilterLevel = (typeof filterLevels)[number];

/** Each also has its position as a name. */
const filterLevels = ['off', 'error', 'warn', 'info', 'debug', 'trace'] as const;
/** A value may be an IPv6 address with its port, which has brackets of its own. */
const brackets = String.raw`\[(?:[^\][]|\[[^\][]*\]){0,200}\]`;
const directiveShape = new RegExp(
  String.raw`^(?!=)(?<target>[\w:-]+)?(?<span>${brackets})?(?:=(?<level>[a-zA-Z0-5]{0,5}))?$`,
);
const spanShape = /^\[(?<name>[^{}]*)(?:\{(?<list>[^{}]*)\})?\]$/;
const bareTarget = /^heddle|^linkerd|::/;
