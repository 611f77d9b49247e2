/**
 * Where log lines go: formats the records of all threads and writes them without waiting, to the
 * standard error by the process's own filter, and to whoever watches by a filter of their own.
 */

import { write as writeDescriptor } from 'node:fs';
import type { ProxySettings } from '../api/settings.ts';
import type { Clock } from '../core/base/clock.ts';
import { type LineStream, LineWriter } from '../core/telemetry/line-writer.ts';
import { Logger } from '../core/telemetry/log.ts';
import { type LogFilter, parseLogFilter } from '../core/telemetry/log-filter.ts';
import { formatJson, formatPlain, type LogRecord } from '../core/telemetry/log-format.ts';

export type WriteBytes = ConstructorParameters<typeof LineWriter>[0];

interface LogOutputOptions {
  readonly settings: Pick<ProxySettings, 'logLevel' | 'logFormat'>;
  readonly clock: Clock;
  readonly writeBytes: WriteBytes;
  readonly dropped: (stream: LineStream, lines: number) => void;
  /** Which lines are wanted has changed: the workers have to be told. */
  readonly onFilters?: (filters: readonly string[]) => void;
  /** Since the process has started; replaced in tests. */
  readonly uptimeMs?: () => number;
}

/** Threads count from 1, as Linkerd's: main is the first. */
export class LogOutput {
  readonly log: Logger;
  readonly #options: LogOutputOptions;
  readonly #uptimeMs: () => number;
  readonly #writer: LineWriter;
  readonly #watchers = new Set<LogWatcher>();
  #own: LogFilter;

  constructor(options: LogOutputOptions) {
    const { settings, clock, writeBytes, dropped } = options;
    this.#options = options;
    const startMs = clock.monotonicMs() - process.uptime() * 1000;
    this.#uptimeMs = options.uptimeMs ?? (() => clock.monotonicMs() - startMs);
    this.#writer = new LineWriter(writeBytes, dropped);
    this.#own = parseLogFilter(settings.logLevel).filter;
    this.log = new Logger((record) => this.write(record, mainThread), clock, settings.logLevel);
  }

  /** Of what is written to the standard error. */
  get filter(): LogFilter {
    return this.#own;
  }

  set filter(filter: LogFilter) {
    this.#own = filter;
    this.#onFilters();
  }

  /** What a thread has to tell. */
  get filters(): readonly string[] {
    const watched = Array.from(this.#watchers, ({ filter }) => filter.text);
    return [...new Set([this.#own.text, ...watched])];
  }

  /** Gets JSON lines from now on, until the returned function is called. */
  watch(watcher: LogWatcher): () => void {
    this.#watchers.add(watcher);
    this.#onFilters();
    return () => {
      if (this.#watchers.delete(watcher)) this.#onFilters();
    };
  }

  /** A record of any thread, which told it because somebody wants it. */
  write(record: LogRecord, thread: number): void {
    const { settings, clock } = this.#options;
    const nowMs = clock.wallMs();
    if (this.#own.allows(record)) {
      const shown = this.#own.show(record);
      const isJson = settings.logFormat === 'json';
      const line = isJson
        ? formatJson(shown, nowMs, thread)
        : formatPlain(shown, this.#uptimeMs(), thread);
      this.#writer.write('log', line);
    }
    for (const { filter, onLine } of this.#watchers) {
      if (filter.allows(record)) onLine(formatJson(filter.show(record), nowMs, thread));
    }
  }

  writeAccess(lines: string): void {
    this.#writer.write('access', lines);
  }

  /** Tells repeats that are due; with `all`, everything. */
  flush(all?: boolean): void {
    this.log.flush(all);
  }

  idle(): Promise<void> {
    return this.#writer.idle();
  }

  #onFilters(): void {
    const { filters } = this;
    this.log.setFilters(filters);
    this.#options.onFilters?.(filters);
  }
}

export interface LogWatcher {
  readonly filter: LogFilter;
  readonly onLine: (line: string) => void;
}

/** Writes in the thread pool to the standard error that the process was started with. */
export const writeStderr: WriteBytes = (bytes, done) => writeDescriptor(2, bytes, done);

const mainThread = 1;
