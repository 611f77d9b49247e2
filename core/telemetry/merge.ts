/**
 * All threads' metrics as one: knows which cells of which worker belong to which series, adds
 * them up when somebody asks, and keeps what counters and histograms had when their cells were
 * given back or their worker ended. Nothing is copied before that.
 *
 * A counter never falls while any of its series is shown: released cells are folded into a
 * retained total. A series that no thread holds is shown for a while and then forgotten; a gauge
 * at once.
 */

import type { CellDefinition } from '../../api/messages.ts';
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { mainCellsMax, seriesMax, seriesRetainMs } from '../base/limits.ts';
import type { FamilyName, FamilyTraits } from './families.ts';
import { cellsOf, families, isFamilyName, traitsOf } from './families.ts';
import { markFreed, otherValue, Registry } from './registry.ts';

export interface MergedFamily {
  readonly name: FamilyName;
  readonly traits: FamilyTraits;
  /** Live: a series that comes or goes meanwhile is in it or not. */
  readonly series: Iterable<MergedSeries>;
}

export interface MergedSeries {
  readonly labels: CellDefinition['labels'];
  /** One value, or a histogram's buckets (not cumulative), sum and count. Good until the next. */
  readonly values: Float64Array;
}

interface Series {
  readonly labels: CellDefinition['labels'];
  readonly sources: Source[];
  retained: Float64Array | null;
  /** When the last source went. */
  idleSinceMs: number;
}

/** One thread's cells of a series. */
interface Source {
  readonly family: FamilyName;
  readonly series: Series;
  readonly first: number;
  readonly cells: Float64Array;
  /** Where it stands in `series.sources`. */
  position: number;
}

export class MetricsMerger {
  /** The main thread's own metrics. */
  readonly registry: Registry;
  readonly #memory: readonly Float64Array[];
  readonly #clock: Clock;
  readonly #seriesMax: number;
  readonly #retainMs: number;
  readonly #byFamily = new Map<FamilyName, Map<string, Series>>();
  /** By worker, then by first cell. */
  readonly #sources = new Map<number, Map<number, Source>>();
  #sweptMs = 0;

  constructor(
    memory: readonly Float64Array[],
    clock: Clock,
    retainMs: number = seriesRetainMs,
    seriesLimit: number = seriesMax,
  ) {
    this.#memory = memory;
    this.#clock = clock;
    this.#seriesMax = seriesLimit;
    this.#retainMs = retainMs;
    this.registry = new Registry(new Float64Array(mainCellsMax), {
      announce: (definitions) => this.#define(mainThread, this.registry.cells, definitions),
      freed: (cells) => this.free(mainThread, cells),
      soon: (flush) => flush(),
    });
  }

  define(worker: number, definitions: readonly CellDefinition[]): void {
    assert(worker >= 0 && worker < this.#memory.length, 'the worker has memory of its own');
    this.#define(worker, this.#memory[worker], definitions);
  }

  /** Keeps the last values, and marks the cells in the worker's memory: it may reuse them. */
  free(worker: number, cells: readonly number[]): void {
    const sources = this.#sources.get(worker);
    for (const cell of cells) {
      const source = sources?.get(cell);
      if (sources === undefined || source === undefined) continue;
      sources.delete(cell);
      this.#retire(source);
      markFreed(source.cells, cell, cellsOf(traitsOf(source.family)));
    }
  }

  /** To be called after the worker's thread has ended and before another one gets its memory. */
  workerEnded(worker: number): void {
    const sources = this.#sources.get(worker);
    if (sources === undefined) return;
    this.#sources.delete(worker);
    for (const source of sources.values()) this.#retire(source);
  }

  /** Every family that has series, in the order of the table. */
  *collect(): Generator<MergedFamily, void> {
    this.#sweep();
    for (const name of Object.keys(families)) {
      assert(isFamilyName(name), 'the table has only its own names');
      const ofFamily = this.#byFamily.get(name);
      if (ofFamily === undefined || ofFamily.size === 0) continue;
      const traits = traitsOf(name);
      yield { name, traits, series: readSeries(traits, ofFamily) };
    }
  }

  #define(worker: number, cells: Float64Array, definitions: readonly CellDefinition[]): void {
    let sources = this.#sources.get(worker);
    if (sources === undefined) {
      sources = new Map();
      this.#sources.set(worker, sources);
    }
    for (const { family, labels, cell } of definitions) {
      assert(isFamilyName(family), 'workers announce families of the table');
      assert(!sources.has(cell), 'a cell has one series at a time');
      const series = this.#seriesOf(family, labels);
      const position = series.sources.length;
      const source: Source = { family, series, first: cell, cells, position };
      series.sources.push(source);
      sources.set(cell, source);
    }
  }

  #seriesOf(family: FamilyName, labels: CellDefinition['labels']): Series {
    let ofFamily = this.#byFamily.get(family);
    if (ofFamily === undefined) {
      ofFamily = new Map();
      this.#byFamily.set(family, ofFamily);
    }
    const key = JSON.stringify(labels);
    const known = ofFamily.get(key);
    if (known !== undefined) return known;
    if (ofFamily.size >= this.#seriesMax) this.#sweep();
    const full = ofFamily.size >= this.#seriesMax;
    const shown = full
      ? traitsOf(family).labels.map((name) => [name, otherValue] as const)
      : labels;
    const shownKey = full ? JSON.stringify(shown) : key;
    const shared = full ? ofFamily.get(shownKey) : undefined;
    if (shared !== undefined) return shared;
    const series: Series = { labels: shown, sources: [], retained: null, idleSinceMs: 0 };
    ofFamily.set(shownKey, series);
    return series;
  }

  /** Takes a source out of its series; what it counted stays. */
  #retire(source: Source): void {
    const { series, family, position } = source;
    const last = series.sources.pop();
    assert(last !== undefined, 'a source is in its series');
    if (last !== source) {
      series.sources[position] = last;
      last.position = position;
    }
    if (series.sources.length === 0) series.idleSinceMs = this.#clock.monotonicMs();
    const traits = traitsOf(family);
    if (traits.type === 'gauge') return;
    series.retained ??= new Float64Array(cellsOf(traits));
    addCells(series.retained, source);
  }

  /** Forgets what nobody has held for long. */
  #sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#sweptMs < Math.min(sweepPeriodMs, this.#retainMs)) return;
    this.#sweptMs = nowMs;
    for (const [name, ofFamily] of this.#byFamily) {
      const retainMs = traitsOf(name).type === 'gauge' ? 0 : this.#retainMs;
      for (const [key, series] of ofFamily) {
        if (series.sources.length !== 0) continue;
        if (nowMs - series.idleSinceMs >= retainMs) ofFamily.delete(key);
      }
    }
  }
}

function* readSeries(
  traits: FamilyTraits,
  ofFamily: ReadonlyMap<string, Series>,
): Generator<MergedSeries> {
  const values = new Float64Array(cellsOf(traits));
  for (const series of ofFamily.values()) {
    if (series.sources.length === 0 && series.retained === null) continue;
    values.fill(0);
    if (series.retained !== null) values.set(series.retained);
    for (const source of series.sources) addCells(values, source);
    yield { labels: series.labels, values };
  }
}

/** In ascending order: a histogram's count is read after its buckets. */
function addCells(values: Float64Array, source: Source): void {
  const { cells, first } = source;
  for (let index = 0; index < values.length; index++) values[index] += cells[first + index];
}

/** The main thread's own number among the workers'. */
const mainThread = -1;
/** A scrape every few seconds need not look for what has been idle for minutes. */
const sweepPeriodMs = 30_000;
