/**
 * Goal: an authority finds the target that its very bytes were remembered with, or none, whatever
 * else takes its place. Method: random names against a map, and names by the thousand.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { authorityCachedBytesMax, authorityCacheMax } from '../base/limits.ts';
import { Authorities } from './authorities.ts';

interface Named {
  readonly name: string;
  dropped: boolean;
}

test('what was remembered last is found, and nothing but its own target ever', () => {
  const names = fc.array(fc.string({ minLength: 1, maxLength: 3, unit: 'binary-ascii' }));
  fc.assert(
    fc.property(names, (list) => {
      const table = new Authorities<Named>();
      for (const name of list) {
        const target = named(name);
        remember(table, target);
        assert.equal(find(table, name), target);
        for (const other of list) {
          const found = find(table, other);
          if (found !== null) assert.equal(found.name, other);
        }
      }
    }),
  );
});

test('a thousand services all have a place', () => {
  const table = new Authorities<Named>();
  const targets = Array.from({ length: 1000 }, (_, index) => named(`s${index}.internal:80`));
  for (const target of targets) remember(table, target);
  const found = targets.filter((target) => find(table, target.name) === target);
  assert.ok(found.length > 980, `${found.length} of 1000`);
});

test('more names than places replace each other', () => {
  const table = new Authorities<Named>();
  const targets = Array.from({ length: 4 * authorityCacheMax }, (_, index) => named(`x${index}`));
  for (const target of targets) {
    remember(table, target);
    assert.equal(find(table, target.name), target);
  }
  const found = targets.filter((target) => find(table, target.name) !== null);
  assert.ok(found.length <= authorityCacheMax);
  assert.ok(found.every((target) => find(table, target.name) === target));
});

test('bytes are compared, whatever stands around them, and long names have no place', () => {
  const table = new Authorities<Named>();
  const target = named('web:80');
  remember(table, target);
  assert.equal(table.find(Buffer.from('Host: web:80\r\n'), 6, 12), target);
  assert.equal(table.find(Buffer.from('Host: web:80\r\n'), 6, 11), null);
  assert.equal(find(table, 'WEB:80'), null);
  const longest = named('a'.repeat(authorityCachedBytesMax));
  const longer = named('a'.repeat(authorityCachedBytesMax + 1));
  for (const one of [longest, longer]) remember(table, one);
  assert.equal(find(table, longest.name), longest);
  assert.equal(find(table, longer.name), null);
});

test('a dropped target is not found, and its name may stand for another', () => {
  const table = new Authorities<Named>();
  const before = named('web');
  remember(table, before);
  before.dropped = true;
  assert.equal(find(table, 'web'), null);
  table.sweep();
  assert.equal(find(table, 'web'), null);
  const after = named('web');
  remember(table, after);
  assert.equal(find(table, 'web'), after);
});

function named(name: string): Named {
  return { name, dropped: false };
}

function remember(table: Authorities<Named>, target: Named): void {
  const bytes = Buffer.from(target.name, 'latin1');
  table.remember(bytes, 0, bytes.length, target);
}

function find(table: Authorities<Named>, name: string): Named | null {
  const bytes = Buffer.from(name, 'latin1');
  return table.find(bytes, 0, bytes.length);
}
