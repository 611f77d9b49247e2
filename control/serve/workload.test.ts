/** Goal: every way to say a workload is read, and nothing else. Method: texts as proxies send them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseWorkload } from './workload.ts';

test('JSON, as Linkerd and Heddle write it', () => {
  const one = '{"ns":"demo","pod":"web-1","nodeName":"n1","more":[1]}';
  assert.deepEqual(parseWorkload(one), { namespace: 'demo', name: 'web-1' });
  const vm = '{"ns":"demo","external_workload":"vm-1"}';
  assert.deepEqual(parseWorkload(vm), { namespace: 'demo', name: 'vm-1' });
  assert.deepEqual(parseWorkload('{"pod":null}'), { namespace: 'default', name: '' });
});

test('the forms before JSON', () => {
  assert.deepEqual(parseWorkload('demo:web-1'), { namespace: 'demo', name: 'web-1' });
  assert.deepEqual(parseWorkload('ns:demo'), { namespace: 'demo', name: '' });
  assert.deepEqual(parseWorkload(''), { namespace: 'default', name: '' });
});

test('what is neither is null', () => {
  const bad = [
    'web',
    'a:b:c',
    '{',
    '{"ns":1}',
    '{"ns":"a","pod":{}}',
    '{"ns":"A_"}',
    'a b:c',
    ':c',
  ];
  for (const text of [...bad, `{"ns":"a"${' '.repeat(5000)}}`]) {
    assert.equal(parseWorkload(text), null, text.slice(0, 20));
  }
});
