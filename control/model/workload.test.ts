/** Goal: a workload is read in both of its forms, and nothing else is taken for one. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultWorkload, readNamespace, readPod } from './workload.ts';

const cases: readonly (readonly [text: string, namespace: string | null, pod: string | null])[] = [
  [defaultWorkload, 'default', 'proxy'],
  ['{"ns":"demo","pod":"web-1","nodeName":"a","other":[1]}', 'demo', 'web-1'],
  ['{"ns":"demo","external_workload":"vm"}', 'demo', 'vm'],
  ['demo:web-1', 'demo', 'web-1'],
  ['{"ns":"demo"}', 'demo', null],
  ['{"ns":7,"pod":["a"]}', null, null],
  ['{"ns":"../up","pod":"a/b"}', null, null],
  ['null', null, null],
  ['[]', null, null],
  ['{"ns":"demo"', null, null],
  ['', null, null],
  [`{"ns":"demo","pod":"${'x'.repeat(5_000)}"}`, null, null],
];

for (const [text, namespace, pod] of cases) {
  test(text.slice(0, 60), () => {
    assert.deepEqual([readNamespace(text), readPod(text)], [namespace, pod]);
  });
}
