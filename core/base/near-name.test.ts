/** Goal: a mistake of the hand is named, and nothing else is. Method: names by hand. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestName } from './near-name.ts';

const rows: [word: string, changesMax: number, expected: string | null][] = [
  ['hlep', 1, 'help'],
  ['porxi', 2, 'proxy'],
  ['hple', 1, null],
  ['HELP', 0, 'help'],
  ['prox', 1, 'proxy'],
  ['proxies', 2, null],
  ['', 2, null],
  ['x'.repeat(200), 300, null],
];

for (const [word, changesMax, expected] of rows) {
  test(`${word.slice(0, 20)}: ${expected}`, () => {
    assert.equal(nearestName(word, ['proxy', 'help', 'kelp'], changesMax), expected);
  });
}
