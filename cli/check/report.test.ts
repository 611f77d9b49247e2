/** Goal: the form is that of Linkerd's check. Method: exact texts for one category of each kind. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Category, checksJson, judge, renderChecks } from './report.ts';

const many = Array.from({ length: 12 }, (_, index) => `trouble ${index}`);
const categories: readonly Category[] = [
  { name: 'runtime', checks: [judge('node-is-recent', 'Node is recent', [])] },
  {
    name: 'control plane',
    checks: [
      judge('control-plane-answers', 'it answers', []),
      judge('clocks-agree', 'clocks agree', [], ['a second\x1b[2J off']),
      judge('control-plane-is-ready', 'it is ready', ['no', 'not yet'], ['and slow']),
    ],
  },
];

test('marks, details, hints and the sum of all', () => {
  assert.deepEqual(renderChecks(categories, 'table', false).split('\n'), [
    'runtime',
    '-------',
    '\u221a Node is recent',
    '',
    'control plane',
    '-------------',
    '\u221a it answers',
    '\u203c clocks agree',
    '    a second?[2J off',
    '    see docs/CHECKS.md#clocks-agree for hints',
    '\u00d7 it is ready',
    '    no',
    '    not yet',
    '    and slow',
    '    see docs/CHECKS.md#control-plane-is-ready for hints',
    '',
    'Status check results are \u00d7',
    '',
  ]);
});

test('the short form leaves out what is well, and warnings do not fail', () => {
  const warned = [{ name: 'runtime', checks: [judge('node-is-recent', 'Node', [], ['old'])] }];
  assert.deepEqual(
    renderChecks([...categories.slice(0, 1), ...warned], 'short', false).split('\n'),
    [
      'runtime',
      '-------',
      '\u203c Node',
      '    old',
      '    see docs/CHECKS.md#node-is-recent for hints',
      '',
      'Status check results are \u221a',
      '',
    ],
  );
  assert.equal(
    renderChecks(categories.slice(0, 1), 'short', false),
    'Status check results are \u221a\n',
  );
});

test('colours are on marks alone', () => {
  const [first, , line] = renderChecks(categories, 'table', true).split('\n');
  assert.deepEqual([first, line], ['runtime', '\x1b[32m\u221a\x1b[0m Node is recent']);
});

test('of many troubles ten are shown to people, and all to programs', () => {
  const checks = [judge('workers-are-alive', 'workers', many)];
  const lines = renderChecks([{ name: 'x', checks }], 'table', false).split('\n');
  assert.deepEqual(lines.slice(12, 15), [
    '    trouble 9',
    '    and 2 more',
    '    see docs/CHECKS.md#workers-are-alive for hints',
  ]);
  assert.deepEqual(JSON.parse(checksJson([{ name: 'x', checks }])), {
    success: false,
    categories: [
      {
        categoryName: 'x',
        checks: [
          {
            description: 'workers',
            hint: 'docs/CHECKS.md#workers-are-alive',
            error: many.join('\n'),
            result: 'error',
          },
        ],
      },
    ],
  });
  assert.deepEqual(JSON.parse(checksJson(categories.slice(0, 1))), {
    success: true,
    categories: [
      {
        categoryName: 'runtime',
        checks: [{ description: 'Node is recent', result: 'success' }],
      },
    ],
  });
});
