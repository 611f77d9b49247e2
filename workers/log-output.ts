/** Where log lines go: formats the records of all threads and writes them without waiting. */

import { write as writeDescriptor } from 'node:fs';
import type { ProxySettings } from '../api/settings.ts';
import type { Clock } from '../core/base/clock.ts';
import { type LineStream, LineWriter } from '../core/telemetry/line-writer.ts';
import { Logger } from '../core/telemetry/log.ts';
import { formatJson, formatPlain, type LogRecord } from '../core/telemetry/log-format.ts';

export type WriteBytes = ConstructorParameters<typeof LineWriter>[0];

export interface LogOutput {
  readonly log: Logger;
  /** A record of a worker, which has judged its level. Threads count from 1; main is 0. */
  write(record: LogRecord, thread: number): void;
  writeAccess(lines: string): void;
  /** Tells repeats that are due; with `all`, everything. */
  flush(all?: boolean): void;
  idle(): Promise<void>;
}

export function createLogOutput(
  settings: Pick<ProxySettings, 'logLevel' | 'logFormat'>,
  clock: Clock,
  writeBytes: WriteBytes,
  dropped: (stream: LineStream, lines: number) => void,
): LogOutput {
  const startMs = clock.monotonicMs() - process.uptime() * 1000;
  const writer = new LineWriter(writeBytes, dropped);
  const write = (record: LogRecord, thread: number): void => {
    const line =
      settings.logFormat === 'json'
        ? formatJson(record, clock.wallMs(), thread)
        : formatPlain(record, clock.monotonicMs() - startMs, thread);
    writer.write('log', line);
  };
  const log = new Logger((record) => write(record, 0), clock, settings.logLevel);
  return {
    log,
    write,
    writeAccess: (lines) => writer.write('access', lines),
    flush: (all) => log.flush(all),
    idle: () => writer.idle(),
  };
}

/** Writes in the thread pool to the standard error that the process was started with. */
export const writeStderr: WriteBytes = (bytes, done) => writeDescriptor(2, bytes, done);
