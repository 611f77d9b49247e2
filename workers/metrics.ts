/** Main's own metrics of the process: workers, hand-off, admission, reloads. */

import { type SharedMemory, statusField, statusWords } from '../api/shared-memory.ts';
import { version } from '../core/base/version.ts';
import type { FamilyOf, LabelsOf } from '../core/telemetry/families.ts';
import type { MetricsMerger } from '../core/telemetry/merge.ts';

export class MainMetrics {
  readonly #merger: MetricsMerger;
  readonly #memory: SharedMemory;
  readonly #workers: number;
  /** Held once each: their label sets are few and closed. */
  readonly #cells = new Map<string, number>();

  constructor(merger: MetricsMerger, memory: SharedMemory, workers: number) {
    this.#merger = merger;
    this.#memory = memory;
    this.#workers = workers;
    this.set('proxy_build_info', { version, vendor: 'heddle', profile: 'release' }, 1);
  }

  count<Name extends FamilyOf<'counter'>>(family: Name, labels: LabelsOf<Name>, by = 1): void {
    const { registry } = this.#merger;
    registry.cells[this.#cellOf(family, labels, () => registry.counter(family, labels))] += by;
  }

  set<Name extends FamilyOf<'gauge'>>(family: Name, labels: LabelsOf<Name>, value: number): void {
    const { registry } = this.#merger;
    registry.cells[this.#cellOf(family, labels, () => registry.gauge(family, labels))] = value;
  }

  /** Takes over a count that somebody else keeps. */
  total<Name extends FamilyOf<'counter'>>(
    family: Name,
    labels: LabelsOf<Name>,
    value: number,
  ): void {
    const { registry } = this.#merger;
    registry.cells[this.#cellOf(family, labels, () => registry.counter(family, labels))] = value;
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

  #cellOf(family: string, labels: Readonly<Record<string, unknown>>, hold: () => number): number {
    const key = `${family} ${JSON.stringify(labels)}`;
    let cell = this.#cells.get(key);
    if (cell === undefined) {
      cell = hold();
      this.#cells.set(key, cell);
    }
    return cell;
  }
}
