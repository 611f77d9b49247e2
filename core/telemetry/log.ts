/**
 * The logger of one thread: filters, collapses what repeats, hands records to a sink.
 * Formatting and writing are the main thread's (`log-format.ts`, `line-writer.ts`); a worker's
 * sink posts the record to main.
 *
 * A line is passed on at once. The same level, target and message within the following seconds
 * is only counted, and told as one line with the newest fields when that time is over, so that a
 * dead endpoint cannot drown everything else. Debug lines are never collapsed: who switches them
 * on wants each. The owner calls `flush` about once a second, and at the end.
 */

import type { LogLevel, LogSpan } from '../../api/messages.ts';
import type { Clock } from '../base/clock.ts';
import { logRepeatMs, logRepeatsMax } from '../base/limits.ts';
import { type LogFilter, parseLogFilter } from './log-filter.ts';
import type { LogFields, LogRecord } from './log-format.ts';

interface Repeat {
  record: LogRecord;
  readonly endMs: number;
  count: number;
}

export class Logger {
  readonly #sink: (record: LogRecord) => void;
  readonly #clock: Clock;
  /** Insertion order is the order of `endMs`, because the window is the same for all. */
  readonly #repeats = new Map<string, Repeat>();
  #filters: readonly LogFilter[];

  constructor(sink: (record: LogRecord) => void, clock: Clock, filter = 'info') {
    this.#sink = sink;
    this.#clock = clock;
    this.#filters = [parseLogFilter(filter).filter];
  }

  /** From the next line on, those are told that one of the filters lets through. */
  setFilters(filters: readonly string[]): void {
    this.#filters = filters.map((text) => parseLogFilter(text).filter);
  }

  /** To be asked before the fields and spans of a frequent line are built. */
  enabled(level: LogLevel, target: string): boolean {
    for (const filter of this.#filters) if (filter.mayAllow(level, target)) return true;
    return false;
  }

  error(target: string, message: string, fields?: LogFields, spans?: LogSpans): void {
    this.#log('error', target, message, fields, spans);
  }

  warn(target: string, message: string, fields?: LogFields, spans?: LogSpans): void {
    this.#log('warn', target, message, fields, spans);
  }

  info(target: string, message: string, fields?: LogFields, spans?: LogSpans): void {
    this.#log('info', target, message, fields, spans);
  }

  debug(target: string, message: string, fields?: LogFields, spans?: LogSpans): void {
    this.#log('debug', target, message, fields, spans);
  }

  /** Tells the counts whose time is over; with `all`, every count, for the end of the thread. */
  flush(all = false): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [key, repeat] of this.#repeats) {
      if (!all && repeat.endMs > nowMs) return;
      this.#repeats.delete(key);
      this.#tell(repeat);
    }
  }

  #log(
    level: LogLevel,
    target: string,
    message: string,
    fields: LogFields = noFields,
    spans: LogSpans = noSpans,
  ): void {
    if (!this.enabled(level, target)) return;
    const record: LogRecord = {
      level,
      target,
      message,
      fields,
      ...(spans.length > 0 && { spans }),
    };
    if (!this.#filters.some((filter) => filter.allows(record))) return;
    if (level === 'debug') this.#sink(record);
    else this.#collapse(record);
  }

  #collapse(record: LogRecord): void {
    const nowMs = this.#clock.monotonicMs();
    const key = `${record.level} ${record.target} ${record.message}`;
    const repeat = this.#repeats.get(key);
    if (repeat !== undefined && repeat.endMs > nowMs) {
      repeat.record = record;
      repeat.count += 1;
      return;
    }
    this.flush();
    if (this.#repeats.size === logRepeatsMax) this.#dropOldest();
    this.#repeats.set(key, { record, endMs: nowMs + logRepeatMs, count: 0 });
    this.#sink(record);
  }

  #dropOldest(): void {
    for (const [key, repeat] of this.#repeats) {
      this.#repeats.delete(key);
      this.#tell(repeat);
      return;
    }
  }

  #tell(repeat: Repeat): void {
    const { record, count } = repeat;
    if (count === 0) return;
    const message = `${record.message} (repeated ${count} times)`;
    this.#sink({ ...record, message });
  }
}

type LogSpans = readonly LogSpan[];

const noFields: LogFields = {};
const noSpans: LogSpans = [];
