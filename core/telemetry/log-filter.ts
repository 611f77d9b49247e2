/**
 * Which lines are logged, by Linkerd's filters (`log-directives.ts` has their syntax). Of the
 * directives for all (`warn`), for targets (`heddle::drain=debug`, and `linkerd=info`, which stands
 * for `heddle`) and for lines with certain fields (`[{reason}]=off`) the most particular decides.
 * Those that name a span or the value of a span's field (`[server{port=80}]=debug`) let through
 * what happens in such a span, in addition. No line is finer than debug, which `trace` shows too.
 */

import type { LogLevel, LogSpan } from '../../api/messages.ts';
import { logDirectivesMax } from '../base/limits.ts';
import {
  compareDirectives,
  type Directive,
  type FilterLevel,
  formatDirectives,
  parseDirective,
  parseSpan,
  type SpanPattern,
  splitDirectives,
} from './log-directives.ts';
import type { LogFields, LogRecord } from './log-format.ts';

export interface LogFilter {
  /** Its directives, the most particular first. */
  readonly text: string;
  /** The same as Linkerd shows it, with what keeps the access log out of the others. */
  readonly shown: string;
  /** False when no line of this target and level is let through, whatever it says and where. */
  mayAllow(level: LogLevel, target: string): boolean;
  allows(record: LogRecord): boolean;
  /** The record as it is shown: with those of its spans that are let through themselves. */
  show(record: LogRecord): LogRecord;
}

interface ParsedFilter {
  /** Of the directives that are understood. */
  readonly filter: LogFilter;
  /** What is wrong with the others, each a sentence that names one. */
  readonly problems: readonly string[];
}

/** Text without a directive lets warnings through. */
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
  if (byPlace.size === 0) byPlace.set('', { target: '', span: '', level: 'warn' });
  return { filter: new DirectiveFilter([...byPlace.values()]), problems };
}

/** Nothing at all is logged, the access log included, as with Linkerd. */
export function isLogOff(text: string): boolean {
  return parseLogFilter(text).filter.text === 'off';
}

interface Rule extends SpanPattern {
  readonly prefix: string;
  readonly rank: number;
}

class DirectiveFilter implements LogFilter {
  readonly text: string;
  readonly shown: string;
  /** For targets, and for lines with certain fields; the most particular first. */
  readonly #lineRules: readonly Rule[];
  /** For what happens in certain spans. */
  readonly #spanRules: readonly Rule[];
  /** Of the targets that have been asked for: ours are few, and fixed. */
  readonly #ranks = new Map<string, number>();

  constructor(directives: readonly Directive[]) {
    const sorted = directives.toSorted(compareDirectives);
    this.text = formatDirectives(sorted);
    this.shown = formatDirectives([...sorted, accessOff].toSorted(compareDirectives));
    const rules = sorted.map(ruleOf);
    this.#lineRules = rules.filter((rule) => !isForSpans(rule));
    this.#spanRules = rules.filter(isForSpans);
  }

  mayAllow(level: LogLevel, target: string): boolean {
    let rank = this.#ranks.get(target);
    if (rank === undefined) {
      rank = this.#findRank(target);
      this.#ranks.set(target, rank);
    }
    return ranks[level] <= rank;
  }

  allows(record: LogRecord): boolean {
    const { level, target, fields, spans = none } = record;
    if (!this.mayAllow(level, target)) return false;
    if (ranks[level] <= this.#lineRank(target, fields)) return true;
    for (const rule of this.#spanRules) {
      if (ranks[level] > rule.rank) continue;
      if (spans.some((span) => isAbout(rule, span) && hasValues(rule, span))) return true;
    }
    return false;
  }

  show(record: LogRecord): LogRecord {
    const { spans } = record;
    if (spans === undefined) return record;
    const visible = spans.filter((span) => this.#shows(span));
    return visible.length === spans.length ? record : { ...record, spans: visible };
  }

  #shows(span: LogSpan): boolean {
    if (ranks[span.level] <= this.#lineRank(span.target, span.fields)) return true;
    return this.#spanRules.some((rule) => isAbout(rule, span));
  }

  /** Of a line, or of a span. */
  #lineRank(target: string, fields: LogFields): number {
    for (const rule of this.#lineRules) {
      if (!target.startsWith(rule.prefix)) continue;
      if (rule.fields.every(([name]) => isField(fields, name))) return rule.rank;
    }
    return 0;
  }

  /** The finest that anything may let through of this target. */
  #findRank(target: string): number {
    let rank = 0;
    for (const rule of this.#spanRules) rank = Math.max(rank, rule.rank);
    for (const rule of this.#lineRules) {
      if (!target.startsWith(rule.prefix)) continue;
      rank = Math.max(rank, rule.rank);
      if (rule.fields.length === 0) break;
    }
    return rank;
  }
}

function ruleOf({ target, span, level }: Directive): Rule {
  const pattern = span === '' ? null : parseSpan(span);
  return { ...(pattern ?? anySpan), prefix: ourTarget(target), rank: ranks[level] };
}

function isForSpans({ name, fields }: Rule): boolean {
  return name !== '' || fields.some(([, value]) => value !== null);
}

function isField(fields: LogFields, name: string): boolean {
  return name === 'message' || Object.hasOwn(fields, name);
}

/** By its name and the names of its fields. */
function isAbout(rule: Rule, { name, target, fields }: LogSpan): boolean {
  if (rule.name !== '' && rule.name !== name) return false;
  if (!target.startsWith(rule.prefix)) return false;
  return rule.fields.every(([field]) => Object.hasOwn(fields, field));
}

function hasValues(rule: Rule, { fields }: LogSpan): boolean {
  return rule.fields.every(([field, value]) => value === null || String(fields[field]) === value);
}

/** What Linkerd calls a part of itself, as the part of ours that does the same. */
function ourTarget(target: string): string {
  if (!target.startsWith('linkerd')) return target;
  for (let part = target; part !== ''; part = part.slice(0, Math.max(0, part.lastIndexOf('::')))) {
    const ours = ourTargets[part];
    if (ours !== undefined) return ours;
  }
  return target;
}

const ranks: Readonly<Record<FilterLevel, number>> = {
  off: 0,
  error: 1,
  warn: 2,
  info: 3,
  debug: 4,
  trace: 5,
};
const none: readonly LogSpan[] = [];
const anySpan: SpanPattern = { name: '', fields: [] };
const accessTarget = '_access_log';
const accessOff: Directive = { target: accessTarget, span: '', level: 'off' };
/** What is below one of these and is not named goes by it. */
const ourTargets: Readonly<Record<string, string>> = {
  linkerd: 'heddle',
  linkerd2_proxy: 'heddle',
  linkerd_app: 'heddle',
  linkerd_app_core: 'heddle',
  'linkerd_app_core::control': 'heddle::discovery',
  'linkerd_app_core::errors': 'heddle::proxy::respond',
  'linkerd_app_core::serve': 'heddle::proxy::serve',
  linkerd_app_inbound: 'heddle::proxy',
  linkerd_app_outbound: 'heddle::proxy',
  linkerd_app_gateway: 'heddle::proxy',
  linkerd_app_admin: 'heddle::admin',
  linkerd_proxy_balance_queue: 'heddle::proxy::balance',
  linkerd_proxy_http: 'heddle::proxy',
  linkerd_reconnect: 'heddle::proxy::reconnect',
  linkerd_stack: 'heddle::proxy::failfast',
  linkerd_identity: 'heddle::identity',
  linkerd_proxy_identity_client: 'heddle::identity',
  linkerd_proxy_api_resolve: 'heddle::discovery',
  linkerd_service_profiles: 'heddle::discovery',
};
