/** The metrics of a control plane: a registry of its own, read by its admin port. */

import type { Clock } from '../../core/base/clock.ts';
import { renderExposition } from '../../core/telemetry/exposition.ts';
import type { FamilyOf, LabelsOf } from '../../core/telemetry/families.ts';
import { MetricsMerger } from '../../core/telemetry/merge.ts';
import { ProcessMetrics } from '../../core/telemetry/process.ts';

export class ControlMetrics {
  readonly #merger: MetricsMerger;
  readonly #process: ProcessMetrics;
  /** Held once each: their label sets are few and closed. */
  readonly #cells = new Map<string, number>();

  constructor(clock: Clock) {
    this.#merger = new MetricsMerger([], clock);
    this.#process = new ProcessMetrics(this.#merger.registry, clock);
  }

  count<Name extends FamilyOf<'counter'>>(family: Name, labels: LabelsOf<Name>, by = 1): void {
    const { registry } = this.#merger;
    registry.cells[this.#cellOf(family, labels, () => registry.counter(family, labels))] += by;
  }

  set<Name extends FamilyOf<'gauge'>>(family: Name, labels: LabelsOf<Name>, value: number): void {
    const { registry } = this.#merger;
    registry.cells[this.#cellOf(family, labels, () => registry.gauge(family, labels))] = value;
  }

  add<Name extends FamilyOf<'gauge'>>(family: Name, labels: LabelsOf<Name>, change: number): void {
    const { registry } = this.#merger;
    registry.cells[this.#cellOf(family, labels, () => registry.gauge(family, labels))] += change;
  }

  /** In slices; other work may run between two of them. */
  async render(): Promise<Iterable<string>> {
    await this.#process.sample();
    return renderExposition(this.#merger.collect());
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
