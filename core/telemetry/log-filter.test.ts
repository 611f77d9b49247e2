/**
 * Goal: filters that people have for Linkerd choose the lines that they mean, and hostile text is
 * refused by name. Method: texts beside what they show and let through.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { LogLevel, LogSpan } from '../../api/messages.ts';
import { logDirectivesMax } from '../base/limits.ts';
import { type LogFilter, parseLogFilter } from './log-filter.ts';
import type { LogRecord } from './log-format.ts';

function allows(filter: LogFilter, level: LogLevel, target: string): boolean {
  const one = filter.allows({ level, target, message: 'm', fields: {} });
  assert.equal(filter.mayAllow(level, target), one, 'what is asked beforehand');
  return one;
}

const shown: readonly (readonly [text: string, shown: string])[] = [
  ['info', '_access_log=off,info'],
  ['INFO', '_access_log=off,info'],
  ['3', '_access_log=off,info'],
  ['', '_access_log=off,warn'],
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
  assert.equal(allows(filter, 'info', 'other'), false);
  assert.equal(allows(filter, 'warn', 'other'), true);
  assert.equal(allows(filter, 'info', 'heddle'), true);
  assert.equal(allows(filter, 'debug', 'heddle::proxy'), false);
  assert.equal(allows(filter, 'error', 'heddle::pool'), false);
  assert.equal(allows(filter, 'debug', 'heddle::dns'), true);
});

test('what has no directive is not logged', () => {
  const { filter } = parseLogFilter('heddle::dns=debug');
  assert.equal(allows(filter, 'error', 'heddle'), false);
});

test('names of Linkerd stand for ours', () => {
  const { filter } = parseLogFilter('warn,linkerd=info,linkerd_app_outbound=debug,hickory=error');
  assert.equal(allows(filter, 'info', 'heddle::drain'), true);
  assert.equal(allows(filter, 'debug', 'heddle::drain'), false);
  assert.equal(allows(filter, 'debug', 'heddle::proxy'), true);
  assert.equal(allows(filter, 'info', 'hickory'), false);
});

test('trace shows what debug shows, a span meets no line', () => {
  assert.equal(allows(parseLogFilter('trace').filter, 'debug', 'heddle'), true);
  assert.equal(allows(parseLogFilter('info,[{headers}]=off').filter, 'info', 'heddle'), true);
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

const accept: LogSpan = {
  name: 'accept',
  level: 'debug',
  target: 'heddle::proxy::serve',
  fields: { 'client.addr': '10.0.0.7:4000' },
};
const server: LogSpan = {
  name: 'server',
  level: 'info',
  target: 'heddle::proxy',
  fields: { port: 80 },
};
const inSpans: LogRecord = {
  level: 'debug',
  target: 'heddle::proxy::serve',
  message: 'Connection closed',
  fields: { reason: 'none' },
  spans: [accept, server],
};

/** Whether a debug line in those spans is told, and with which of them. */
const spanCases: readonly (readonly [filter: string, told: boolean, chain: string])[] = [
  ['info', false, 'server'],
  ['debug', true, 'accept server'],
  ['warn', false, ''],
  ['warn,[server]=debug', true, 'server'],
  ['warn,[accept]=debug', true, 'accept'],
  ['warn,[accept]=info', false, 'accept'],
  ['warn,[server{port=80}]=debug', true, 'server'],
  ['warn,[server{port=81}]=debug', false, 'server'],
  ['warn,[{port=80}]=debug', true, 'server'],
  ['warn,[{client.addr=10.0.0.7:4000}]=debug', true, 'accept'],
  ['warn,[{client.addr="10.0.0.7:4000"}]=debug', true, 'accept'],
  ['warn,[{client.addr=10.0.0.8:4000}]=debug', false, 'accept'],
  ['warn,[accept{port=80}]=debug', false, ''],
  ['warn,[server{port=80,other}]=debug', false, ''],
  ['warn,heddle::proxy[server]=debug', true, 'server'],
  ['warn,linkerd_app_inbound[server]', true, 'server'],
  ['warn,heddle::admin[server]=debug', false, ''],
  ['info,linkerd_app_core::serve=debug', true, 'accept server'],
  ['info,[server]=off', false, 'server'],
  // A field without a value is one of the line, and decides by itself.
  ['debug,[{reason}]=off', false, 'accept server'],
  ['debug,[{headers}]=off', true, 'accept server'],
  ['info,[{reason}]=debug', true, 'server'],
  ['debug,[{message,reason}]=info', false, 'accept server'],
];
for (const [text, told, chain] of spanCases) {
  test(`in spans: ${text}`, () => {
    const { filter, problems } = parseLogFilter(text);
    assert.deepEqual(problems, []);
    assert.equal(filter.allows(inSpans), told);
    if (told) assert.equal(filter.mayAllow('debug', inSpans.target), true);
    assert.equal(
      filter
        .show(inSpans)
        .spans?.map(({ name }) => name)
        .join(' '),
      chain,
    );
  });
}

test('what no span can let through is known beforehand', () => {
  const { filter } = parseLogFilter('warn,[{client.addr=10.0.0.7:4000}]=info');
  assert.equal(filter.mayAllow('debug', 'heddle::proxy::serve'), false);
  assert.equal(filter.mayAllow('info', 'heddle::proxy::serve'), true);
});

test('a value may be an IPv6 address', () => {
  const { filter } = parseLogFilter('off,[{client.addr=[fd00::1]:80}]=debug');
  const span = { ...accept, fields: { 'client.addr': '[fd00::1]:80' } };
  assert.equal(filter.allows({ ...inSpans, spans: [span] }), true);
});

test('of a field that every object has, none is found', () => {
  const { filter } = parseLogFilter('warn,[{constructor}]=off,[{toString=x}]=debug');
  assert.equal(filter.allows({ ...inSpans, level: 'error' }), true);
  assert.equal(filter.allows(inSpans), false);
});
