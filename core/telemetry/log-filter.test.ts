/**
 * Goal: filters that people have for Linkerd choose the lines that they mean, and hostile text is
 * refused by name. Method: texts beside what they show and let through.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { logDirectivesMax } from '../base/limits.ts';
import { parseLogFilter } from './log-filter.ts';

const shown: readonly (readonly [text: string, shown: string])[] = [
  ['info', '_access_log=off,info'],
  ['INFO', '_access_log=off,info'],
  ['3', '_access_log=off,info'],
  ['', '_access_log=off,error'],
  ['off', '_access_log=off,off'],
  ['warn,linkerd=info,hickory=error', '_access_log=off,linkerd=info,hickory=error,warn'],
  [' warn , linkerd = info', '_access_log=off,warn'],
  ['linkerd', '_access_log=off,linkerd=trace'],
  ['hyper::proto', 'hyper::proto=trace,_access_log=off'],
  ['linkerd=', '_access_log=off,linkerd=trace'],
  ['info,info,debug', '_access_log=off,debug'],
  ['_access_log=info,warn', '_access_log=off,warn'],
  [
    'linkerd=debug,[{headers}]=off,[{request}]=off',
    '_access_log=off,linkerd=debug,[{request}]=off,[{headers}]=off',
  ],
  [
    'heddle::pool[accept{port=80,addr=a}]=TRACE',
    'heddle::pool[accept{port=80,addr=a}]=trace,_access_log=off',
  ],
];
for (const [text, expected] of shown) {
  test(`"${text}" is shown as "${expected}"`, () => {
    assert.equal(parseLogFilter(text).filter.shown, expected);
  });
}

test('the directive with the longest target decides', () => {
  const { filter, problems } = parseLogFilter(
    'warn,heddle=info,heddle::pool=off,heddle::dns=debug',
  );
  assert.deepEqual(problems, []);
  assert.equal(filter.allows('info', 'other'), false);
  assert.equal(filter.allows('warn', 'other'), true);
  assert.equal(filter.allows('info', 'heddle'), true);
  assert.equal(filter.allows('debug', 'heddle::proxy'), false);
  assert.equal(filter.allows('error', 'heddle::pool'), false);
  assert.equal(filter.allows('debug', 'heddle::dns'), true);
});

test('what has no directive is not logged', () => {
  const { filter } = parseLogFilter('heddle::dns=debug');
  assert.equal(filter.allows('error', 'heddle'), false);
});

test('names of Linkerd stand for ours', () => {
  const { filter } = parseLogFilter('warn,linkerd=info,linkerd_app_outbound=debug,hickory=error');
  assert.equal(filter.allows('info', 'heddle::drain'), true);
  assert.equal(filter.allows('debug', 'heddle::drain'), false);
  assert.equal(filter.allows('debug', 'heddle::proxy'), true);
  assert.equal(filter.allows('info', 'hickory'), false);
});

test('trace shows what debug shows, a span meets no line', () => {
  assert.equal(parseLogFilter('trace').filter.allows('debug', 'heddle'), true);
  assert.equal(parseLogFilter('info,[{headers}]=off').filter.allows('info', 'heddle'), true);
});

for (const text of [
  'loud',
  'warning',
  'linkerd=loud',
  'a=b=c',
  'a b',
  '[x',
  'x]',
  '=',
  '=info',
  'a=6',
  '\u0000',
]) {
  test(`${JSON.stringify(text)} is refused, what is right beside it counts`, () => {
    const { filter, problems } = parseLogFilter(`${text},heddle=warn`);
    const expected = text === '[x' ? [`"${text},heddle=warn" is`] : [`"${text}" is no directive`];
    assert.equal(problems.length, 1);
    assert.ok(problems[0].startsWith(expected[0]), problems[0]);
    if (text !== '[x') assert.equal(filter.text, 'heddle=warn');
  });
}

test('directives are bounded', () => {
  const many = Array.from({ length: logDirectivesMax + 2 }, (_, index) => `t${index}=info`);
  const { filter, problems } = parseLogFilter(many.join(','));
  assert.equal(filter.text.split(',').length, logDirectivesMax);
  assert.equal(problems.length, 2);
});

test('whatever the text is, what is understood of it reads the same again', () => {
  const part = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.stringMatching(/^[a-z:]{0,6}(\[[a-z{}=]{0,5}\])?=?(info|off|3|trace)?$/),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const { filter } = parseLogFilter(parts.join(','));
      const again = parseLogFilter(filter.text);
      assert.deepEqual(again.problems, []);
      assert.equal(again.filter.text, filter.text);
    }),
    { numRuns: 500 },
  );
});
