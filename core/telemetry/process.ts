/**
 * The `process_*` families, with Linkerd's names. Values come from Node and, on Linux, from /proc;
 * where the system has no such file the family is left out. The owner calls `sample` before each
 * scrape.
 */

import { readdir, readFile, stat } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';
import type { FamilyOf } from './families.ts';
import type { Registry } from './registry.ts';

type ProcessGauge = Extract<FamilyOf<'gauge'>, `process_${string}`>;

export class ProcessMetrics {
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #cpuCell: number;
  readonly #uptimeCell: number;
  readonly #gauges = new Map<ProcessGauge, number>();

  constructor(registry: Registry, clock: Clock) {
    this.#registry = registry;
    this.#clock = clock;
    this.#cpuCell = registry.counter('process_cpu_seconds_total', {});
    this.#uptimeCell = registry.counter('process_uptime_seconds_total', {});
    this.#set('process_start_time_seconds', clock.wallMs() / 1000 - process.uptime());
  }

  async sample(): Promise<void> {
    const { cells } = this.#registry;
    const cpu = process.cpuUsage();
    cells[this.#cpuCell] = (cpu.user + cpu.system) / 1e6;
    cells[this.#uptimeCell] = process.uptime();
    this.#set('process_clock_time_seconds', this.#clock.wallMs() / 1000);
    this.#set('process_resident_memory_bytes', process.memoryUsage.rss());
    const [status, limits, openFds] = await Promise.all([
      readOptional('/proc/self/status'),
      readOptional('/proc/self/limits'),
      countOpenFds(),
    ]);
    const virtualKib = numberAfter(status, /^VmSize:\s*(\d+) kB$/m);
    if (virtualKib !== null) this.#set('process_virtual_memory_bytes', virtualKib * 1024);
    const threads = numberAfter(status, /^Threads:\s*(\d+)$/m);
    if (threads !== null) this.#set('process_threads', threads);
    const maxFds = numberAfter(limits, /^Max open files\s+(\d+)/m);
    if (maxFds !== null) this.#set('process_max_fds', maxFds);
    if (openFds !== null) this.#set('process_open_fds', openFds);
  }

  #set(family: ProcessGauge, value: number): void {
    let cell = this.#gauges.get(family);
    if (cell === undefined) {
      cell = this.#registry.gauge(family, {});
      this.#gauges.set(family, cell);
    }
    this.#registry.cells[cell] = value;
  }
}

/** Linux 6.2 and newer give the number as the size of the directory; before, it is listed. */
async function countOpenFds(): Promise<number | null> {
  try {
    const { size } = await stat('/proc/self/fd');
    return size !== 0 ? size : (await readdir('/proc/self/fd')).length;
  } catch {
    return null;
  }
}

async function readOptional(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}

function numberAfter(text: string, pattern: RegExp): number | null {
  const match = pattern.exec(text);
  return match === null ? null : Number(match[1]);
}
