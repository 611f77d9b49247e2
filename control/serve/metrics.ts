/** The metrics of a control plane: a registry of its own, read by its admin port. */

import type { Clock } from '../../core/base/clock.ts';
import { renderExposition } from '../../core/telemetry/exposition.ts';
import { HeldCells } from '../../core/telemetry/held-cells.ts';
import { MetricsMerger } from '../../core/telemetry/merge.ts';
import { ProcessMetrics } from '../../core/telemetry/process.ts';

export class ControlMetrics extends HeldCells {
  readonly #merger: MetricsMerger;
  readonly #process: ProcessMetrics;

  constructor(clock: Clock) {
    const merger = new MetricsMerger([], clock);
    super(merger.registry);
    this.#merger = merger;
    this.#process = new ProcessMetrics(merger.registry, clock);
  }

  /** In slices; other work may run between two of them. */
  async render(): Promise<Iterable<string>> {
    await this.#process.sample();
    return renderExposition(this.#merger.collect());
  }
}
