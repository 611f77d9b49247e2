/** Lines of what runs before the proxy, in the proxy's own formats, on stderr. */

import { systemClock } from '../../core/base/clock.ts';
import { formatJson, formatPlain } from '../../core/telemetry/log-format.ts';

export type ToolLevel = 'error' | 'warn' | 'info' | 'debug';

export interface ToolLog {
  readonly error: (message: string) => void;
  readonly warn: (message: string) => void;
  readonly info: (message: string) => void;
  readonly debug: (message: string) => void;
}

export function createToolLog(
  { target, level, format }: { target: string; level: ToolLevel; format: 'plain' | 'json' },
  note: (text: string) => void,
): ToolLog {
  const startMs = systemClock.monotonicMs();
  const say = (lineLevel: ToolLevel) => (message: string) => {
    if (order.indexOf(lineLevel) > order.indexOf(level)) return;
    // A reason may have several lines, and each is one for whoever reads line by line.
    for (const line of message.split('\n')) {
      const record = { level: lineLevel, target, message: line, fields: {} };
      if (format === 'json') note(formatJson(record, systemClock.wallMs(), 1));
      else note(formatPlain(record, systemClock.monotonicMs() - startMs, 1));
    }
  };
  return { error: say('error'), warn: say('warn'), info: say('info'), debug: say('debug') };
}

/** Names of Linkerd's tools; a list of filters such as `linkerd=debug,warn` says the last one. */
export function parseToolLevel(text: string): ToolLevel | null {
  const name = text.split(',').at(-1)?.split('=').at(-1)?.trim().toLowerCase() ?? '';
  return levels.get(name) ?? null;
}

const order: readonly ToolLevel[] = ['error', 'warn', 'info', 'debug'];
const levels: ReadonlyMap<string, ToolLevel> = new Map([
  ['panic', 'error'],
  ['fatal', 'error'],
  ['off', 'error'],
  ['error', 'error'],
  ['warn', 'warn'],
  ['warning', 'warn'],
  ['info', 'info'],
  ['debug', 'debug'],
  ['trace', 'debug'],
]);
