/**
 * Goal: only names that can be written in one way are identities.
 * Method: tables of names that are and that are not.
 */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { completeName, controlNameOf, isDnsIdentity, isIdentityName, isNameOf } from './names.ts';

const whole = 'web.demo.serviceaccount.identity.heddle.mesh.local';

const names = [whole, 'a', 'a-b.c_d.e', 'x1.2y', 'spiffe://mesh.local/ns/demo/sa/Web_1.x-'];

const refused = [
  '',
  '.',
  `${whole}.`,
  `.${whole}`,
  'Web.demo',
  '*.demo',
  'web..demo',
  '-web.demo',
  'web-.demo',
  'wéb.demo',
  'web\0.demo',
  'web demo',
  '10.0.0.1',
  `${'a'.repeat(64)}.demo`,
  Array.from({ length: 127 }, () => 'ab').join('.'),
  'spiffe://',
  'spiffe://mesh.local',
  'spiffe://mesh.local/',
  'spiffe:///web',
  'spiffe://Mesh.local/web',
  'spiffe://mesh.local/web/',
  'spiffe://mesh.local//web',
  'spiffe://mesh.local/../web',
  'spiffe://mesh.local/./web',
  'spiffe://mesh.local:80/web',
  'spiffe://mesh.local/web?x',
  'spiffe://mesh.local/web%20x',
  `spiffe://mesh.local/${'a'.repeat(2048)}`,
  'SPIFFE://mesh.local/web',
  'https://mesh.local/web',
];

it('says what is a name', () => {
  for (const name of names) assert.equal(isIdentityName(name), true, name);
  for (const name of refused) assert.equal(isIdentityName(name), false, name);
});

it('says what can be a server name', () => {
  assert.equal(isDnsIdentity(whole), true);
  assert.equal(isDnsIdentity('spiffe://mesh.local/web'), false);
});

it('completes what a setting says', () => {
  assert.equal(completeName('web.demo', 'mesh.local'), whole);
  assert.equal(completeName('web.demo', ''), null);
  assert.equal(completeName(whole, ''), whole);
  assert.equal(completeName('web.demo.x', 'mesh.local'), 'web.demo.x');
  assert.equal(completeName('Web.demo', 'mesh.local'), null);
  assert.equal(isNameOf(whole, 'web.demo'), true);
  assert.equal(isNameOf(whole, whole), true);
  assert.equal(isNameOf(whole, 'eb.demo'), false);
  assert.equal(isNameOf('web.demo.evil.org', 'web.demo'), false);
  assert.equal(isNameOf('', 'web.demo'), false);
});

it('knows the name of the control plane by that of a workload', () => {
  const control = 'heddle-control.heddle.serviceaccount.identity.heddle.mesh.local';
  assert.equal(controlNameOf(whole), control);
  assert.equal(controlNameOf('web.example.org'), null);
  assert.equal(controlNameOf(''), null);
});
