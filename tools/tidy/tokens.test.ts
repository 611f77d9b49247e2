/**
 * Goal: nothing in a string, template, comment or regular expression is taken for code, and code
 * inside a template is not missed. Method: short texts and the tokens expected of them.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matching, tokenize } from './tokens.ts';

function kinds(text: string): string {
  return tokenize(text)
    .map((token) => `${token.kind}:${token.text}`)
    .join(' ');
}

test('strings keep quotes and escapes inside', () => {
  assert.equal(
    kinds(`a('it\\'s', "b'c")`),
    `word:a punct:( string:it\\'s punct:, string:b'c punct:)`,
  );
});

test('a template gives its literal parts and the code between', () => {
  assert.equal(
    kinds(`\`a\${f({ b: \`c\${d}\` })}e\`;x`),
    'string:a word:f punct:( punct:{ word:b punct:: string:c word:d string: punct:} punct:) ' +
      'string:e punct:; word:x',
  );
});

test('a slash divides behind a value and begins a regular expression elsewhere', () => {
  assert.equal(kinds('a / b / c'), 'word:a punct:/ word:b punct:/ word:c');
  assert.equal(kinds('(a) / 2'), 'punct:( word:a punct:) punct:/ number:2');
  assert.equal(kinds('return /[/"]\\/`/gu.x'), 'word:return regex:/[/"]\\/`/gu punct:. word:x');
  assert.equal(kinds("if (a) /'/.b"), "word:if punct:( word:a punct:) regex:/'/ punct:. word:b");
  assert.equal(kinds(`\`\${/'/}\``), "string: regex:/'/ string:");
});

test('comments are tokens with the line on which they begin', () => {
  const tokens = tokenize("/* ' \n */ a // b `\nc");
  assert.deepEqual(
    tokens.map((token) => [token.kind, token.line]),
    [
      ['comment', 1],
      ['word', 2],
      ['comment', 2],
      ['word', 3],
    ],
  );
});

test('lines are counted through templates and after a shebang', () => {
  const tokens = tokenize(`#!/usr/bin/env node\n\`a\nb\${c}\n\`\nd`);
  assert.equal(tokens.find((token) => token.text === 'c')?.line, 3);
  assert.equal(tokens.find((token) => token.text === 'd')?.line, 5);
});

test('unfinished text ends the scan instead of hanging it', () => {
  for (const text of ['`a', "'a", '/* a', '/a', '`${', '"\\']) {
    assert.ok(Array.isArray(tokenize(text)));
  }
});

test('brackets are matched across their kinds', () => {
  const tokens = tokenize('f({ a: [1, (2)] }, b)');
  assert.equal(matching(tokens, 1), tokens.length - 1);
});
