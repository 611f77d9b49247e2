/**
 * The dynamic table of an encoder, and how it finds entries: by what followed the last one the
 * time before, since heads repeat; else by hash. Entries of one bucket of hashes are a chain from
 * the newest to the oldest, which ends at the first evicted one, so that eviction has no work here.
 * What is found is always compared byte by byte: a wrong index would be a wrong field.
 */

import { DynamicTable, initialTableBytes } from './dynamic-table.ts';
import type { Field } from './field.ts';
import { staticCount } from './static-table.ts';

export class EncoderTable {
  readonly #table: DynamicTable;
  /** The newest entry of each bucket, by number. */
  #buckets: Int32Array;
  /** Columns as in the table: the next older entry of its bucket, its name's hash, its follower. */
  #links: Int32Array;
  /** The number of the entry that was found last. */
  #last = 0;

  constructor(bytesMax: number) {
    this.#table = new DynamicTable(Math.max(bytesMax, initialTableBytes));
    this.#buckets = new Int32Array(this.#table.entries.length >> 2);
    this.#links = new Int32Array(this.#table.entries.length);
  }

  get bytesMax(): number {
    return this.#table.bytesMax;
  }

  setBytesMax(bytesMax: number): void {
    this.#table.setBytesMax(bytesMax);
  }

  /** The index of `field` if it is what followed the last one the time before, or 0. */
  findNext(field: Field): number {
    const { count, newest } = this.#table;
    const number = this.#links[this.#table.columnOf(this.#last) + 2];
    const age = (newest - number) | 0;
    if (age < 0 || age >= count) return 0;
    const column = this.#table.columnOf(number);
    if (!this.#isField(field, column)) return 0;
    this.#last = number;
    return staticCount + 1 + age;
  }

  /** The index of `field`, or 0. */
  find(field: Field, hash: number): number {
    const { count, entries, newest } = this.#table;
    let number = this.#buckets[hash & (this.#buckets.length - 1)];
    // Bounded for the day when numbers begin anew and an old one leads in a circle.
    for (let left = count; left > 0; left--) {
      const age = (newest - number) | 0;
      if (age < 0 || age >= count) return 0;
      const column = this.#table.columnOf(number);
      if (entries[column + 3] === hash && this.#isField(field, column)) {
        this.#follow(number);
        return staticCount + 1 + age;
      }
      number = this.#links[column];
    }
    return 0;
  }

  /** The index of an entry with the name of `field`, or 0. */
  findName(field: Field, nameHash: number): number {
    const { count, entries, newest, view } = this.#table;
    for (let age = 0; age < count; age++) {
      const column = this.#table.columnOf(newest - age);
      if (this.#links[column + 1] !== nameHash || entries[column + 1] !== field.nameLength)
        continue;
      if (field.equalsName(view, entries[column])) return staticCount + 1 + age;
    }
    return 0;
  }

  /** `field` becomes the newest entry; it is not larger than the table. */
  add(field: Field, hash: number, nameHash: number): void {
    const table = this.#table;
    const start = table.insert(field.nameLength, field.valueLength, hash);
    field.writeValue(table.lines, field.writeName(table.lines, start));
    if (this.#links.length < table.entries.length) this.#grow();
    this.#links[table.columnOf(table.newest) + 1] = nameHash;
    this.#chain(table.newest);
    this.#follow(table.newest);
  }

  #isField(field: Field, column: number): boolean {
    const { entries, view } = this.#table;
    const { nameLength, valueLength } = field;
    return (
      entries[column + 1] === nameLength &&
      entries[column + 2] === valueLength &&
      field.equalsValue(view, entries[column] + nameLength) &&
      field.equalsName(view, entries[column])
    );
  }

  /** Entry `number` is the newest of its bucket. */
  #chain(number: number): void {
    const column = this.#table.columnOf(number);
    const bucket = this.#table.entries[column + 3] & (this.#buckets.length - 1);
    this.#links[column] = this.#buckets[bucket];
    this.#buckets[bucket] = number;
  }

  #follow(number: number): void {
    this.#links[this.#table.columnOf(this.#last) + 2] = number;
    this.#last = number;
  }

  /** The table has grown by an entry that is not chained yet. */
  #grow(): void {
    const { count, entries, newest } = this.#table;
    const links = this.#links;
    this.#links = new Int32Array(entries.length);
    this.#buckets = new Int32Array(entries.length >> 2);
    for (let age = count - 1; age > 0; age--) {
      const number = newest - age;
      const from = (number << 2) & (links.length - 1);
      this.#links.set(links.subarray(from, from + 4), this.#table.columnOf(number));
      this.#chain(number);
    }
  }
}
