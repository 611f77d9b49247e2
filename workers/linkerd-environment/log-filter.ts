/**
 * Linkerd's filter of log lines, as far as we have its levels: directives such as `warn`,
 * `linkerd=info` or `linkerd[{headers}]=off`, comma-separated. Ours is the level of the targets
 * `linkerd` and `heddle`; targets of Linkerd's inner parts have no like here.
 */

import type { ProxySettings } from '../../api/settings.ts';

type Level = ProxySettings['logLevel'];

interface LogFilter {
  readonly level: Level;
  /** The whole text is `off`: there is no log, and no access log either. */
  readonly isOff: boolean;
  /** What is no directive, and has no effect. */
  readonly bad: readonly string[];
}

export function readLogFilter(filter: string): LogFilter {
  const bad: string[] = [];
  const levels: Partial<Record<string, Level>> = {};
  for (const part of splitDirectives(filter)) {
    const match = directive.exec(part);
    if (match === null) bad.push(part);
    // A span narrows what a directive is about: it says nothing about all lines of its target.
    else if (match[2] === undefined) levels[match[1] ?? ''] = levelOf(match[3]);
    const global = levelWord.test(part) ? part : null;
    if (global !== null) levels[''] = levelOf(global);
  }
  return {
    // Without a directive that fits, errors are logged.
    level: levels.heddle ?? levels.linkerd ?? levels[''] ?? 'error',
    isOff: filter.trim().toLowerCase() === 'off',
    bad,
  };
}

/** A comma inside of brackets or braces belongs to the fields of a span. */
function splitDirectives(filter: string): string[] {
  const parts = filter.match(/(?:\[[^\]]*\]?|[^,[])+/g) ?? [];
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** Without a level everything is meant. */
function levelOf(word: string | undefined): Level {
  return levels[(word ?? 'trace').toLowerCase()] ?? 'debug';
}

const levelWord = /^(?:trace|debug|info|warn|error|off|[0-5])$/i;
const directive = /^([\w:-]+)?(\[[^\]]*\])?(?:=(trace|debug|info|warn|error|off|[0-5])?)?$/i;
const levels: Readonly<Record<string, Level>> = {
  off: 'off',
  0: 'off',
  error: 'error',
  1: 'error',
  warn: 'warn',
  2: 'warn',
  info: 'info',
  3: 'info',
  debug: 'debug',
  4: 'debug',
  // There is nothing below.
  trace: 'debug',
  5: 'debug',
};
