/**
 * Goal: the table holds the newest entries that fit its size, and their bytes, however often its
 * ring has gone around, grown and been emptied. Method: generated histories beside a list.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { DynamicTable, lineOverheadBytes } from './dynamic-table.ts';
import { wordSlackBytes } from './words.ts';

interface Step {
  readonly kind: 'insert' | 'resize' | 'clear';
  readonly nameLength: number;
  readonly valueLength: number;
  readonly bytesMax: number;
}

const ceiling = 700;
const length = fc.oneof(fc.nat(40), fc.constantFrom(0, 100, 300));
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(
    { arbitrary: fc.constant('insert' as const), weight: 20 },
    { arbitrary: fc.constant('resize' as const), weight: 1 },
    { arbitrary: fc.constant('clear' as const), weight: 1 },
  ),
  nameLength: length,
  valueLength: length,
  bytesMax: fc.oneof(fc.constant(ceiling), fc.nat(ceiling)),
});

test('the table is what a list would be', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => compareWithList(steps, ceiling)),
    { numRuns: 500 },
  );
});

test('as many entries as the size allows', () => {
  const steps = Array.from({ length: 500 }, () => ({
    kind: 'insert' as const,
    nameLength: 1,
    valueLength: 0,
    bytesMax: 0,
  }));
  compareWithList(steps, 4096);
});

test('a size above the ceiling is our own fault', () => {
  assert.throws(() => new DynamicTable(4096).setBytesMax(4097), /below its ceiling/);
});

interface Entry {
  readonly nameLength: number;
  readonly valueLength: number;
  readonly fill: number;
}

function compareWithList(steps: readonly Step[], ceilingBytes: number): void {
  const table = new DynamicTable(ceilingBytes);
  table.setBytesMax(ceilingBytes);
  let list: Entry[] = [];
  let bytesMax = ceilingBytes;
  for (const [serial, { kind, nameLength, valueLength, ...one }] of steps.entries()) {
    if (kind === 'clear') {
      table.clear();
      list = [];
    } else if (kind === 'resize') {
      bytesMax = one.bytesMax;
      table.setBytesMax(bytesMax);
    } else {
      const fill = 1 + (serial % 255);
      const start = table.insert(nameLength, valueLength, fill);
      list.push({ nameLength, valueLength, fill });
      // What a copy by words may write.
      const slack = lineOverheadBytes + wordSlackBytes;
      if (start >= 0) table.lines.fill(fill, start, start + nameLength + valueLength + slack);
      assert.equal(start >= 0, nameLength + valueLength + 32 <= bytesMax);
    }
    while (bytesOf(list) > bytesMax) list.shift();
    compareEntries(table, list);
    assert.ok(table.lines.length <= 2 * ceilingBytes, 'the ring is bounded');
  }
}

function compareEntries(table: DynamicTable, list: readonly Entry[]): void {
  assert.equal(table.count, list.length);
  assert.equal(table.bytes, bytesOf(list));
  for (const [age, { nameLength, valueLength, fill }] of list.toReversed().entries()) {
    const column = table.columnOf(table.newest - age);
    const [start, ...rest] = table.entries.subarray(column, column + 4);
    assert.deepEqual(rest, [nameLength, valueLength, fill]);
    const end = start + nameLength + valueLength + lineOverheadBytes;
    assert.ok(table.lines.subarray(start, end).every((byte) => byte === fill));
    assert.ok(end + wordSlackBytes <= table.lines.length, 'reading by words stays inside');
  }
}

function bytesOf(list: readonly Entry[]): number {
  return list.reduce((sum, one) => sum + one.nameLength + one.valueLength + 32, 0);
}
