/** Goal: only our own tokens pass, for what they say. Method: properties, and tokens by hand. */

import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { joinTokenCharsMax } from '../../core/base/limits.ts';
import { createJoinToken, refuseName, verifyJoinToken } from './join-token.ts';

const key = generateKeyPairSync('ed25519');
const other = generateKeyPairSync('ed25519');
const nowMs = Date.UTC(2026, 0, 1);
const claims = { namespace: 'demo', service: 'web', expiresWallMs: nowMs + 60_000 };

test('what was signed comes back, until it expires', () => {
  const name = fc.stringMatching(/^[a-z0-9-]{1,63}$/);
  fc.assert(
    fc.property(name, name, fc.integer({ min: 1, max: 1e9 }), (namespace, service, seconds) => {
      const expiresWallMs = nowMs + seconds * 1000;
      const token = createJoinToken(key.privateKey, { namespace, service, expiresWallMs });
      const good = verifyJoinToken(key.publicKey, token, expiresWallMs - 1);
      assert.deepEqual(good, { namespace, service, expiresWallMs });
      assert.match(refusal(token, expiresWallMs), /^the token has expired, at 20/);
    }),
  );
});

test('no other text passes', () => {
  const token = createJoinToken(key.privateKey, claims);
  fc.assert(
    fc.property(fc.nat(token.length - 1), fc.stringMatching(/^[A-Za-z0-9_.=\- ]?$/), (at, put) => {
      const changed = token.slice(0, at) + put + token.slice(at + 1);
      if (changed !== token) assert.notEqual(refusal(changed), '');
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => refusal(text) !== ''));
  assert.match(refusal(''), /^there is no token/);
  assert.match(refusal(` ${token}`), /not one of heddle's/);
  assert.match(refusal(`${token}${'A'.repeat(joinTokenCharsMax)}`), /more than 4096 characters/);
});

test('a token of another key, or with another algorithm, is refused', () => {
  const token = createJoinToken(other.privateKey, claims);
  assert.match(refusal(token), /not signed by this control plane's key/);
  const [, payload] = createJoinToken(key.privateKey, claims).split('.');
  const header = (alg: string) => encode({ alg, typ: 'JWT' });
  assert.match(refusal(`${header('none')}.${payload}.`), /not one of heddle's/);
  const hashed = `${header('HS256')}.${payload}`;
  const secret = key.publicKey.export({ type: 'spki', format: 'pem' });
  const mac = createHmac('sha256', secret).update(hashed).digest('base64url');
  assert.match(refusal(`${hashed}.${mac}`), /not one of heddle's/);
});

test('what is signed but says something else is refused', () => {
  const good = { aud: 'heddle.registry', exp: nowMs / 1000 + 60, ns: 'demo', svc: 'web' };
  assert.ok(!('refusal' in verifyJoinToken(key.publicKey, forge(good), nowMs)));
  for (const aud of ['identity.l5d.io', undefined, ['heddle.registry']]) {
    assert.match(refusal(forge({ ...good, aud })), /^the token is not for joining/);
  }
  const unsound = [{ exp: undefined }, { exp: '9999999999' }, { exp: 1e15 }, { exp: 1.5 }];
  const nameless = [{ ns: '' }, { svc: 7 }, { ns: null }, { svc: 'x'.repeat(254) }];
  for (const change of [...unsound, ...nameless]) {
    assert.match(refusal(forge({ ...good, ...change })), /lacks what it is for/);
  }
  for (const value of [null, 7, 'text', []]) assert.match(refusal(forge(value)), /not for joining/);
});

test('claims cover their own name alone, unless they say any', () => {
  const any = { ...claims, service: '*' };
  assert.equal(refuseName(claims, 'demo', 'web'), null);
  assert.equal(refuseName(any, 'demo', 'users'), null);
  assert.equal(refuseName({ ...any, namespace: '*' }, 'x', 'y'), null);
  assert.match(refuseName(claims, 'demo', 'users') ?? '', /for service web in namespace demo, not/);
  assert.match(refuseName(any, 'other', 'web') ?? '', /not for web in other: make one with/);
  // A name is never a pattern.
  assert.notEqual(refuseName(claims, 'demo', '*'), null);
});

function refusal(token: string, atMs = nowMs): string {
  const result = verifyJoinToken(key.publicKey, token, atMs);
  return 'refusal' in result ? result.refusal : '';
}

function forge(payload: unknown): string {
  const signed = `${encode({ alg: 'EdDSA', typ: 'JWT' })}.${encode(payload)}`;
  return `${signed}.${sign(null, Buffer.from(signed), key.privateKey).toString('base64url')}`;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
