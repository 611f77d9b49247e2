/** Main's own metrics of the process: workers, hand-off, admission, reloads. */

import { type SharedMemory, statusField, statusWords } from '../api/shared-memory.ts';
import { version } from '../core/base/version.ts';
import { HeldCells } from '../core/telemetry/held-cells.ts';
import type { MetricsMerger } from '../core/telemetry/merge.ts';

export class MainMetrics extends HeldCells {
  readonly #memory: SharedMemory;
  readonly #workers: number;

  constructor(merger: MetricsMerger, memory: SharedMemory, workers: number) {
    super(merger.registry);
    this.#memory = memory;
    this.#workers = workers;
    this.set('proxy_build_info', { version, vendor: 'heddle', profile: 'release' }, 1);
  }

  /** Copies the status rows; to be called before a scrape. */
  sample(readyWorkers: number): void {
    this.set('heddle_workers', {}, this.#workers === 0 ? 0 : readyWorkers);
    for (let index = 0; index < Math.max(this.#workers, 1); index++) {
      const row = index * statusWords;
      const read = (field: number): number => Atomics.load(this.#memory.status, row + field);
      const worker = String(index);
      this.set(
        'heddle_worker_connections',
        { worker, direction: 'inbound' },
        read(statusField.connectionsInbound),
      );
      this.set(
        'heddle_worker_connections',
        { worker, direction: 'outbound' },
        read(statusField.connectionsOutbound),
      );
      this.set(
        'heddle_worker_event_loop_utilization',
        { worker },
        read(statusField.loadPermille) / 1000,
      );
      this.set(
        'heddle_worker_event_loop_delay_seconds',
        { worker },
        read(statusField.loopDelayMs) / 1000,
      );
    }
  }
}
