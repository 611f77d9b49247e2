/**
 * A thread's own metrics: which cell of its memory belongs to which series. The cells themselves
 * are plain numbers that the hot path adds to (`cells[i] += 1`, `observe`); main reads them.
 *
 * Whoever uses a cell resolves it when it builds a route or an endpoint. What is new and what was
 * released is announced by itself, together for each event: what was counted is lost with a worker
 * that ends before main knows the cell. Series are counted by reference: the same labels give the
 * same cell until every holder has released it.
 *
 * Nothing here grows without bound and nothing throws for want of room: label sets over the limit
 * of their family share one series whose label values are all `other`.
 */

import type { CellDefinition } from '../../api/messages.ts';
import { assert } from '../base/assert.ts';
import { labelValueCharsMax, seriesMax } from '../base/limits.ts';
import type { FamilyName, FamilyOf, FamilyTraits, LabelsOf } from './families.ts';
import { cellsOf, families, traitsOf } from './families.ts';

/** The way to main, which has to know of every cell that it is to read. */
interface RegistryOutlet {
  /** New series. Reaches main before any later word about the same cells. */
  announce(definitions: readonly CellDefinition[]): void;
  /** Cells that nobody here uses any more; main marks them when it has taken their last value. */
  freed(cells: readonly number[]): void;
  /** Calls `flush` when the current event is over, or at once where that costs nothing. */
  soon(flush: () => void): void;
}

type LabelValues = Readonly<Record<string, string | undefined>>;

interface Series {
  readonly family: FamilyName;
  readonly key: string;
  readonly cell: number;
  holders: number;
}

/** Released cells of one size, oldest first. */
interface Released {
  cells: number[];
  head: number;
}

export class Registry {
  readonly cells: Float64Array;
  readonly #outlet: RegistryOutlet;
  readonly #seriesMax: number;
  readonly #byKey = new Map<FamilyName, Map<string, Series>>();
  readonly #byCell = new Map<number, Series>();
  readonly #shared = new Map<FamilyName, Series>();
  readonly #released = new Map<number, Released>();
  #announced: CellDefinition[] = [];
  #freed: number[] = [];
  #used = 0;
  #flushAsked = false;
  readonly #flushSoon = (): void => this.flush();

  constructor(cells: Float64Array, outlet: RegistryOutlet, seriesLimit = seriesMax) {
    assert(cells.length > reservedCells, 'the memory holds the shared series of every family');
    this.cells = cells;
    this.#outlet = outlet;
    this.#seriesMax = seriesLimit;
  }

  /** The cell of a counter; the caller adds to it. */
  counter<Name extends FamilyOf<'counter'>>(family: Name, labels: LabelsOf<Name>): number {
    return this.#hold(family, labels);
  }

  /** The cell of a gauge; the caller sets it or adds to it. */
  gauge<Name extends FamilyOf<'gauge'>>(family: Name, labels: LabelsOf<Name>): number {
    return this.#hold(family, labels);
  }

  /** The first cell of a histogram; the caller passes it to `observe`. */
  histogram<Name extends FamilyOf<'histogram'>>(family: Name, labels: LabelsOf<Name>): number {
    return this.#hold(family, labels);
  }

  /** Gives back one hold on a series; its holder must not write to the cell afterwards. */
  release(cell: number): void {
    const series = this.#byCell.get(cell);
    assert(series !== undefined && series.holders > 0, 'only a held cell is released');
    series.holders -= 1;
    if (series.holders !== 0 || this.#shared.get(series.family) === series) return;
    this.#byCell.delete(cell);
    this.#byKey.get(series.family)?.delete(series.key);
    this.#freed.push(cell);
    this.#releasedOf(cellsOf(traitsOf(series.family))).cells.push(cell);
    this.#askFlush();
  }

  /** Tells main now what is new and what is gone: for the end, after which nothing is soon. */
  flush(): void {
    this.#flushAsked = false;
    if (this.#announced.length !== 0) {
      const announced = this.#announced;
      this.#announced = [];
      this.#outlet.announce(announced);
    }
    if (this.#freed.length !== 0) {
      const freed = this.#freed;
      this.#freed = [];
      this.#outlet.freed(freed);
    }
  }

  #hold(family: FamilyName, values: LabelValues): number {
    const traits = traitsOf(family);
    const key = JSON.stringify(pairsOf(traits, values));
    let ofFamily = this.#byKey.get(family);
    if (ofFamily === undefined) {
      ofFamily = new Map();
      this.#byKey.set(family, ofFamily);
    }
    let series = ofFamily.get(key);
    if (series === undefined) {
      const size = cellsOf(traits);
      const cell = ofFamily.size < this.#seriesMax ? this.#take(size) : -1;
      if (cell === -1) return this.#holdShared(family, traits);
      // Parsed again for strings of its own: a value may be a slice that holds a whole head.
      const labels: CellDefinition['labels'] = JSON.parse(key);
      series = this.#define(family, key, cell, labels);
      ofFamily.set(key, series);
    }
    series.holders += 1;
    return series.cell;
  }

  #holdShared(family: FamilyName, traits: FamilyTraits): number {
    let series = this.#shared.get(family);
    if (series === undefined) {
      const cell = this.#takeUnused(cellsOf(traits), this.cells.length);
      assert(cell !== -1, 'the shared series of every family have their room');
      const pairs = traits.labels.map((name) => [name, otherValue] as const);
      series = this.#define(family, '', cell, pairs);
      this.#shared.set(family, series);
    }
    series.holders += 1;
    return series.cell;
  }

  #define(family: FamilyName, key: string, cell: number, labels: CellDefinition['labels']): Series {
    const series = { family, key, cell, holders: 0 };
    this.#byCell.set(cell, series);
    this.#announced.push({ family, labels, cell });
    this.#askFlush();
    return series;
  }

  #askFlush(): void {
    if (this.#flushAsked) return;
    this.#flushAsked = true;
    this.#outlet.soon(this.#flushSoon);
  }

  /** Cells for a series, zeroed, or -1 when there is no room but the reserve. */
  #take(size: number): number {
    const released = this.#releasedOf(size);
    if (released.head < released.cells.length) {
      const cell = released.cells[released.head];
      if (isMarked(this.cells, cell, size)) {
        released.head += 1;
        if (released.head > 1024) {
          released.cells = released.cells.slice(released.head);
          released.head = 0;
        }
        this.cells.fill(0, cell, cell + size);
        return cell;
      }
    }
    return this.#takeUnused(size, this.cells.length - reservedCells);
  }

  /** A worker before us may have used the memory, so that it is zeroed here, not at the start. */
  #takeUnused(size: number, end: number): number {
    if (this.#used + size > end) return -1;
    const cell = this.#used;
    this.#used += size;
    this.cells.fill(0, cell, cell + size);
    return cell;
  }

  #releasedOf(size: number): Released {
    let released = this.#released.get(size);
    if (released === undefined) {
      released = { cells: [], head: 0 };
      this.#released.set(size, released);
    }
    return released;
  }
}

/**
 * Counts `value` in its bucket, in the sum and in the count. The count comes first and is read
 * last, so that a reader in another thread never finds more in the buckets than in the count.
 */
export function observe(
  cells: Float64Array,
  first: number,
  bounds: readonly number[],
  value: number,
): void {
  const buckets = bounds.length;
  let bucket = 0;
  while (bucket < buckets && value > bounds[bucket]) bucket += 1;
  cells[first + buckets + 2] += 1;
  cells[first + buckets + 1] += value;
  cells[first + bucket] += 1;
}

/**
 * Main's answer to `freed`, written into the cells themselves: NaN in each says that its last
 * value was taken. Per cell, a read before a write by one thread stays before what another thread
 * writes after having seen it; so every cell is marked, and checked. A late addition to a marked
 * cell leaves it marked.
 */
export function markFreed(cells: Float64Array, cell: number, size: number): void {
  cells.fill(Number.NaN, cell, cell + size);
}

function isMarked(cells: Float64Array, cell: number, size: number): boolean {
  for (let index = cell; index < cell + size; index++) {
    if (!Number.isNaN(cells[index])) return false;
  }
  return true;
}

/** The labels that have a value, in the order of the family. */
function pairsOf(traits: FamilyTraits, values: LabelValues): CellDefinition['labels'] {
  const pairs: [string, string][] = [];
  for (const name of traits.labels) {
    const value = values[name];
    if (value !== undefined) pairs.push([name, value.slice(0, labelValueCharsMax)]);
  }
  return pairs;
}

/** The value of every label of the series that label sets over the limit share. */
export const otherValue = 'other';

/** Room that only the shared series may take: one series of each family. */
const reservedCells = Object.values(families).reduce((sum, traits) => sum + cellsOf(traits), 0);
