/**
 * Log lines for whoever watches them on the admin port, JSON, one a line. A client that is too slow
 * loses lines, and is told how many.
 */

import { logStreamBytesMax } from '../core/base/limits-admin.ts';
import { systemTurn } from '../core/base/timers.ts';
import type { LogFilter } from '../core/telemetry/log-filter.ts';
import type { AdminSink, AdminStream } from './admin-exchange.ts';
import type { LogWatcher } from './log-output.ts';

type WatchLog = (watcher: LogWatcher) => () => void;

export class LogStream implements AdminStream {
  readonly #filter: LogFilter;
  readonly #watch: WatchLog;
  #sink: AdminSink | null = null;
  #stopWatching: (() => void) | null = null;
  #waiting: string[] = [];
  #waitingChars = 0;
  #dropped = 0;
  #isPassingOn = false;

  constructor(filter: LogFilter, watch: WatchLog) {
    this.#filter = filter;
    this.#watch = watch;
  }

  begin(sink: AdminSink): void {
    this.#sink = sink;
    this.#stopWatching = this.#watch({
      filter: this.#filter,
      onLine: (line) => this.#onLine(line),
    });
  }

  resume(): void {
    this.#passOnLater();
  }

  /** What waits is passed on, if there is room. */
  end(): void {
    this.#stopWatching?.();
    this.#passOn();
    this.#sink = null;
  }

  #onLine(line: string): void {
    if (this.#waitingChars + line.length > logStreamBytesMax) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(line);
    this.#waitingChars += line.length;
    this.#passOnLater();
  }

  /** Not in the middle of what is logged: that may be an event of the same connection. */
  #passOnLater(): void {
    if (this.#isPassingOn) return;
    this.#isPassingOn = true;
    systemTurn(() => {
      this.#isPassingOn = false;
      this.#passOn();
    });
  }

  #passOn(): void {
    const sink = this.#sink;
    if (sink === null || sink.isFull) return;
    let text = this.#waiting.join('');
    this.#waiting = [];
    this.#waitingChars = 0;
    if (this.#dropped > 0) text += `${JSON.stringify({ dropped_events: this.#dropped })}\n`;
    this.#dropped = 0;
    if (text !== '') sink.write(text);
  }
}
