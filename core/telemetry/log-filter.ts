/**
 * Which lines are logged, in the syntax of Linkerd's filters: directives, comma-separated, each a
 * level for all (`warn`), for what has a target (`heddle::drain=debug`, and `linkerd=info`, which
 * stands for `heddle`), or for what happens in a span (`[{headers}]=off`). The directive with the
 * longest target decides. Ours have no spans, so that directives for spans are kept and shown but
 * meet no line; and no line is finer than debug, which is what `trace` shows too.
 */

import type { LogLevel } from '../../api/messages.ts';
import { logDirectivesMax } from '../base/limits.ts';

export interface LogFilter {
  /** Its directives, the most particular first. */
  readonly text: string;
  /** The same as Linkerd shows it, with what keeps the access log out of the others. */
  readonly shown: string;
  allows(level: LogLevel, target: string): boolean;
}

interface ParsedFilter {
  /** Of the directives that are understood. */
  readonly filter: LogFilter;
  /** What is wrong with the others, each a sentence that names one. */
  readonly problems: readonly string[];
}

/** Text without a directive lets errors through. */
export function parseLogFilter(text: string): ParsedFilter {
  const byPlace = new Map<string, Directive>();
  const problems: string[] = [];
  for (const part of splitDirectives(text)) {
    const directive = parseDirective(part);
    if (directive === null) {
      problems.push(`"${part}" is no directive; expected level, target or target=level`);
    } else if (byPlace.size === logDirectivesMax) {
      problems.push(`"${part}" is one too many; at most ${logDirectivesMax} directives are taken`);
    } else if (directive.target !== accessTarget) {
      byPlace.set(directive.target + directive.span, directive);
    }
  }
  if (byPlace.size === 0) byPlace.set('', { target: '', span: '', level: 'error' });
  return { filter: new DirectiveFilter([...byPlace.values()]), problems };
}

/** Nothing at all is logged, the access log included, as with Linkerd. */
export function isLogOff(text: string): boolean {
  return parseLogFilter(text).filter.text === 'off';
}

interface Directive {
  /** Empty: any. */
  readonly target: string;
  /** With its brackets; empty: in any span and in none. */
  readonly span: string;
  readonly level: FilterLevel;
}

class DirectiveFilter implements LogFilter {
  readonly text: string;
  readonly shown: string;
  /** Most particular first. */
  readonly #directives: readonly { readonly prefix: string; readonly rank: number }[];
  /** Of the targets that have been asked for: ours are few, and fixed. */
  readonly #ranks = new Map<string, number>();

  constructor(directives: readonly Directive[]) {
    const sorted = directives.toSorted(compareDirectives);
    this.text = formatDirectives(sorted);
    this.shown = formatDirectives([...sorted, accessOff].toSorted(compareDirectives));
    this.#directives = sorted
      .filter(({ span }) => span === '')
      .map(({ target, level }) => ({ prefix: ourTarget(target), rank: ranks[level] }));
  }

  allows(level: LogLevel, target: string): boolean {
    let rank = this.#ranks.get(target);
    if (rank === undefined) {
      rank = this.#directives.find(({ prefix }) => target.startsWith(prefix))?.rank ?? 0;
      this.#ranks.set(target, rank);
    }
    return ranks[level] <= rank;
  }
}

/** At the commas that are not inside of a span's brackets. */
function splitDirectives(text: string): string[] {
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
function parseDirective(text: string): Directive | null {
  const level = readLevel(text);
  if (level !== null) return { target: '', span: '', level };
  const match = directiveShape.exec(text);
  if (match === null) return null;
  const { target = '', span = '', level: named = '' } = match.groups ?? {};
  if (text === target && !bareTarget.test(target)) return null;
  const chosen = named === '' ? 'trace' : readLevel(named);
  return chosen === null ? null : { target, span, level: chosen };
}

function readLevel(text: string): FilterLevel | null {
  const name = text.toLowerCase();
  return filterLevels.find((level, number) => level === name || String(number) === name) ?? null;
}

/** What Linkerd calls a part of itself, as the part of ours that does the same. */
function ourTarget(target: string): string {
  if (!target.startsWith('linkerd')) return target;
  return ourTargets[target] ?? target;
}

/** The longer target first, then the one with a span. */
function compareDirectives(one: Directive, other: Directive): number {
  const byLength = other.target.length - one.target.length || other.span.length - one.span.length;
  if (byLength !== 0) return byLength;
  return one.target + one.span < other.target + other.span ? 1 : -1;
}

function formatDirectives(directives: readonly Directive[]): string {
  return directives
    .map(({ target, span, level }) => (target + span === '' ? level : `${target}${span}=${level}`))
    .join(',');
}

type FilterLevel = (typeof filterLevels)[number];

/** Each also has its position as a name. */
const filterLevels = ['off', 'error', 'warn', 'info', 'debug', 'trace'] as const;
const ranks: Readonly<Record<FilterLevel, number>> = {
  off: 0,
  error: 1,
  warn: 2,
  info: 3,
  debug: 4,
  trace: 5,
};
const directiveShape =
  /^(?!=)(?<target>[\w:-]+)?(?<span>\[[^\][]{0,200}\])?(?:=(?<level>[a-zA-Z0-5]{0,5}))?$/;
const bareTarget = /^heddle|^linkerd|::/;
const accessTarget = '_access_log';
const accessOff: Directive = { target: accessTarget, span: '', level: 'off' };
const ourTargets: Readonly<Record<string, string>> = {
  linkerd: 'heddle',
  linkerd2_proxy: 'heddle',
  linkerd_app: 'heddle',
  linkerd_app_core: 'heddle',
  linkerd_app_inbound: 'heddle::proxy',
  linkerd_app_outbound: 'heddle::proxy',
  linkerd_app_admin: 'heddle::admin',
  linkerd_identity: 'heddle::identity',
  linkerd_proxy_identity_client: 'heddle::identity',
  linkerd_proxy_api_resolve: 'heddle::discovery',
  linkerd_service_profiles: 'heddle::discovery',
};
