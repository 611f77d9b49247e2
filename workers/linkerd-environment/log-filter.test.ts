/** Goal: filters of Linkerd become our levels. Method: a table. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readLogFilter } from './log-filter.ts';

test('the level is that of linkerd or heddle, else that of all', () => {
  const rows: readonly (readonly [filter: string, level: string, bad?: readonly string[]])[] = [
    ['warn,linkerd=info,hickory=error', 'info'],
    ['linkerd=debug,warn', 'debug'],
    ['linkerd=debug,heddle=warn,info', 'warn'],
    ['info', 'info'],
    ['TRACE', 'debug'],
    ['4', 'debug'],
    ['linkerd=3', 'info'],
    ['linkerd', 'debug'],
    ['linkerd=', 'debug'],
    ['warn,linkerd=off', 'off'],
    ['', 'error'],
    ['hickory=debug', 'error'],
    ['linkerd_app=debug,warn', 'warn'],
    ['warn,linkerd=info,[{headers}]=off,[{request}]=off', 'info'],
    ['linkerd[span{a=1,b=2}]=trace,warn', 'warn'],
    ['warn, linkerd=loud ,a b', 'warn', ['linkerd=loud', 'a b']],
    ['linkerd=info=warn,[open', 'error', ['linkerd=info=warn', '[open']],
    [',,warn,', 'warn'],
  ];
  for (const [filter, level, bad = []] of rows) {
    assert.deepEqual(readLogFilter(filter), { level, isOff: false, bad }, filter);
  }
});

test('off alone is more than a level', () => {
  assert.deepEqual(readLogFilter(' Off '), { level: 'off', isOff: true, bad: [] });
  assert.equal(readLogFilter('off,linkerd=info').isOff, false);
});
