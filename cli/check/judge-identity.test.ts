/** Goal: each trouble of certificates is told by its own check. Method: facts, one changed each. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  anchorOf,
  authority,
  type Changes,
  certificate,
  checksOf,
  metrics,
  nowMs,
  troubles,
} from '../../test/support/check-facts.ts';
import { judgeIdentity } from './judge-identity.ts';

const hourMs = 3_600_000;

/** `what it is: details`; fingerprints are all the same here. */
function told(changes: Changes): string[] {
  return troubles(changes).map((line) => line.replaceAll(/[0-9a-f]{12}/g, 'PRINT'));
}

test('of control planes: what signs, and for how long', () => {
  const anchor = (age: number, life: number, role = 'current') => ({
    certificate: anchorOf(age, life),
    role,
  });
  const rows: [NonNullable<Changes['authority']>, string[]][] = [
    [
      { problem: 'the issuer has expired: x' },
      ['error certificates-can-be-signed: the issuer has expired: x'],
    ],
    [{ anchors: [] }, ['error trust-anchors-are-valid: there is none']],
    [{ issuer: [] }, ['error issuer-is-valid: there is none']],
    [{ anchors: [anchor(49, 100)] }, []],
    [
      { anchors: [anchor(51, 100)] },
      [
        'warning trust-anchors-are-valid: ' +
          'PRINT has lived more than 50 % of its life, and ends in 49d',
      ],
    ],
    [
      { anchors: [anchor(81, 100), anchor(1, 100, 'next')] },
      [
        'warning trust-anchors-are-valid: ' +
          'PRINT has lived more than 80 % of its life, and ends in 19d',
      ],
    ],
    // It is about to leave.
    [{ anchors: [anchor(99, 100, 'retiring'), anchor(1, 100)] }, []],
    [{ anchors: [anchor(103, 100)] }, ['error trust-anchors-are-valid: PRINT expired 3d ago']],
    [{ issuer: [anchorOf(-1, 30)] }, ['error issuer-is-valid: PRINT is not valid yet: see clocks']],
    [
      { issuer: [anchorOf(25, 30)] },
      ['warning issuer-is-valid: PRINT has lived more than 80 % of its life, and ends in 5d'],
    ],
    [
      { phase: 'distribute', unconfirmed: ['a', 'b', 'c', 'd', 'e', 'f'], unconfirmedCount: 9 },
      [
        'warning rotation-goes-on: ' +
          'nothing is retired before these have confirmed: a, b, c, d, e and 4 more',
      ],
    ],
    [{ phase: 'switch' }, []],
  ];
  for (const [change, expected] of rows) assert.deepEqual(told({ authority: change }), expected);
  const during = checksOf({ authority: { phase: 'switch', phaseSinceMs: nowMs - 65_000 } });
  assert.ok(during.some(({ description }) => description === 'a rotation is at switch, for 65s'));
});

test('of proxies: whether they have a certificate, and get the next one', () => {
  const rows: [Partial<typeof certificate>, string[]][] = [
    [
      { state: 'uncertified', error: 'there is no token', bundle: '' },
      ['error proxies-are-certified: web.demo is uncertified: there is no token'],
    ],
    [{ state: 'expired' }, ['error proxies-are-certified: web.demo is expired']],
    [
      { state: 'failing', error: 'UNAVAILABLE: x' },
      [
        'warning certificates-are-refreshed: ' +
          'web.demo cannot refresh its own: UNAVAILABLE: x; what it has ends in 18h',
      ],
    ],
    [
      { startMs: nowMs - 20 * hourMs, endMs: nowMs + 4 * hourMs },
      [
        'warning certificates-are-refreshed: ' +
          'web.demo should have another one by now; what it has ends in 4h',
      ],
    ],
    [
      { bundle: 'b0' },
      ['error trust-anchors-agree: web.demo has other trust anchors than the control plane'],
    ],
    [{ state: 'off', bundle: '' }, []],
  ];
  for (const [change, expected] of rows) {
    assert.deepEqual(told({ proxies: [{ certificate: { ...certificate, ...change } }] }), expected);
  }
  const apart = { proxies: [{ certificate: { ...certificate, bundle: 'b0' } }] };
  const rotating = told({ ...apart, authority: { phase: 'distribute' } });
  assert.deepEqual(
    rotating.map((line) => line.split(':')[0]),
    ['warning trust-anchors-agree'],
  );
});

test('a certificate is for clocks that agree', () => {
  const rows: [number, string][] = [
    [900, ''],
    [1_600, 'warning clocks-of-proxies-agree: web.demo: its clock is off by 1.6 s'],
    [-1_600, 'warning clocks-of-proxies-agree: web.demo: its clock is off by 1.6 s'],
    [21_004, 'error clocks-of-proxies-agree: web.demo: its clock is off by 21.0 s'],
  ];
  for (const [offMs, expected] of rows) {
    const samples = metrics({
      heddle_workers: 2,
      process_clock_time_seconds: (nowMs + offMs + (offMs > 0 ? 4 : 0)) / 1000,
    });
    assert.deepEqual(told({ proxies: [{ samples }] }), expected === '' ? [] : [expected]);
  }
});

test('control planes that certify apart are told', () => {
  const answered = { value: { ...authority, bundle: 'b2' } };
  const [only] = told({ control: { authority: answered } });
  assert.match(only, /^error trust-anchors-agree: web\.demo has other trust anchors/);
  const control = (bundle: string) => ({
    address: '127.0.0.1:8086',
    status: { reason: 'x' },
    services: { reason: 'x' },
    authority: { value: { ...authority, bundle } },
    askedMs: nowMs,
    answeredMs: nowMs,
  });
  const rest = { config: null, proxies: [], own: { version: '', node: '', descriptorLimit: 0 } };
  const details = (...bundles: readonly string[]): string[] => {
    const { checks } = judgeIdentity({ ...rest, controls: bundles.map(control) }, nowMs);
    return checks.flatMap((one) => (one.result === 'success' ? [] : one.details));
  };
  assert.deepEqual(details('b1', 'b1'), []);
  assert.deepEqual(details('b1', 'b2'), [
    'control planes have different trust anchors: give them one --identity-dir',
  ]);
});

test('where nothing certifies there is nothing to say', () => {
  const plain = [{ certificate: null }, { certificate: { ...certificate, state: 'off' } }];
  const anchors = checksOf({ control: { authority: null }, proxies: plain }).map(
    ({ anchor }): string => anchor,
  );
  const ofIdentity = /certif|trust-anchors|issuer|rotation|clocks-of-proxies/;
  assert.deepEqual(
    anchors.filter((anchor) => ofIdentity.test(anchor)),
    [],
  );
});
