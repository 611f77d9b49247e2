/**
 * The metrics of a process's main thread, by their names: few and closed sets of labels, of which
 * each has its cell from its first use on and keeps it.
 */

import type { FamilyOf, LabelsOf } from './families.ts';
import type { Registry } from './registry.ts';

export class HeldCells {
  readonly #registry: Registry;
  readonly #cells = new Map<string, number>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  count<Name extends FamilyOf<'counter'>>(family: Name, labels: LabelsOf<Name>, by = 1): void {
    this.#registry.cells[this.#counter(family, labels)] += by;
  }

  /** Takes over a count that somebody else keeps. */
  total<Name extends FamilyOf<'counter'>>(
    family: Name,
    labels: LabelsOf<Name>,
    value: number,
  ): void {
    this.#registry.cells[this.#counter(family, labels)] = value;
  }

  set<Name extends FamilyOf<'gauge'>>(family: Name, labels: LabelsOf<Name>, value: number): void {
    this.#registry.cells[this.#gauge(family, labels)] = value;
  }

  add<Name extends FamilyOf<'gauge'>>(family: Name, labels: LabelsOf<Name>, change: number): void {
    this.#registry.cells[this.#gauge(family, labels)] += change;
  }

  #counter<Name extends FamilyOf<'counter'>>(family: Name, labels: LabelsOf<Name>): number {
    return this.#cellOf(family, labels, () => this.#registry.counter(family, labels));
  }

  #gauge<Name extends FamilyOf<'gauge'>>(family: Name, labels: LabelsOf<Name>): number {
    return this.#cellOf(family, labels, () => this.#registry.gauge(family, labels));
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
