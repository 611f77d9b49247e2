/**
 * Goal: what is no token of ours hints at nothing, and never throws.
 * Method: tokens with claims of right and wrong kinds.
 */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readTokenHints } from './token.ts';

const print = 'ab'.repeat(32);

function hintsOf(claims: unknown): [string, string[]] {
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
  const { trustDomain, pins } = readTokenHints(`e30.${payload}.c2ln\n`);
  return [trustDomain, [...pins]];
}

it('reads the trust domain and the pins', () => {
  assert.deepEqual(hintsOf({ td: 'mesh.local', pin: [print, print] }), ['mesh.local', [print]]);
});

it('passes by what is not of their form', () => {
  const nothing: [string, string[]] = ['', []];
  for (const td of [1, '', 'Mesh.local', 'mesh..local', '10.0.0.1', 'mesh.local.', null]) {
    assert.deepEqual(hintsOf({ td }), nothing, String(td));
  }
  for (const pin of [print, 7, {}, [1, null, 'ab', print.toUpperCase(), `${print}0`]]) {
    assert.deepEqual(hintsOf({ pin }), nothing, JSON.stringify(pin));
  }
  for (const claims of [null, [], 'text', 3]) assert.deepEqual(hintsOf(claims), nothing);
  for (const token of ['', 'a', 'a.b', 'a.b.c', 'a.b.c.d', '\0.\0.\0']) {
    assert.equal(readTokenHints(token).trustDomain, '');
  }
});
