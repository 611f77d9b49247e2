/** Goal: a person sees how far a rotation is and who holds it up. Method: values, exact lines. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCertificate } from '../core/identity/certificate.ts';
import { makeIssuer, makeRoot } from '../test/support/certificates.ts';
import type { AuthorityView } from './authority-messages.ts';
import { authorityJson, confirmationsOf, describeAuthority } from './authority-text.ts';

const nowMs = Date.now();
const root = makeRoot();
const [rootRead, nextRead, issuerRead] = [root, makeRoot(), makeIssuer(root)].map(({ der }) => {
  const certificate = parseCertificate(der);
  assert.ok(certificate !== null);
  return certificate;
});

const view: AuthorityView = {
  trustDomain: 'mesh.local',
  problem: '',
  isOwn: true,
  anchors: [{ certificate: rootRead, role: 'current' }],
  issuer: [issuerRead],
  bundle: 'b1',
  phase: 'idle',
  phaseSinceMs: null,
  unconfirmed: [],
  unconfirmedCount: 0,
  nowMs,
  controlEndMs: nowMs + 7_200_000,
};
const certified = {
  name: 'x',
  state: 'certified',
  startMs: 1,
  endMs: 2,
  issuer: issuerRead.fingerprint,
  bundle: 'b1',
  error: '',
};

test('at rest all is said, and nobody is missed', () => {
  const proxies = [
    { name: 'web', identity: certified, confirmed: null },
    {
      name: 'plain',
      identity: { ...certified, state: 'off', bundle: '', issuer: '' },
      confirmed: null,
    },
  ];
  const lines = describeAuthority(view, confirmationsOf(view, proxies)).split('\n');
  assert.deepEqual(lines, [
    'trust domain    mesh.local',
    'phase           idle: no rotation is under way',
    `trust anchor    ${rootRead.fingerprint.slice(0, 16)}  good for 364d, current`,
    `issuer          ${issuerRead.fingerprint.slice(0, 16)}  good for 23h`,
    'kept by         this control plane',
    'control plane   its own certificate is good for 2h',
    'confirmed       the trust anchors: 1 of 1 proxies, a leaf of the issuer: 1 of 1',
    '',
  ]);
});

test('in a rotation those that hold it up are named, and why', () => {
  const during: AuthorityView = {
    ...view,
    anchors: [...view.anchors, { certificate: nextRead, role: 'next' }],
    phase: 'distribute',
    phaseSinceMs: nowMs - 65_000,
    unconfirmed: ['emoji.far (Linkerd\u2019s)', 'web.demo'],
    unconfirmedCount: 7,
    problem: 'the issuer has expired: heddle identity repair makes it whole',
    isOwn: false,
    controlEndMs: null,
  };
  const confirmed = { identity: 'far', bundle: 'b1', issuer: 'older' };
  const proxies = [
    { name: 'web', identity: { ...certified, bundle: 'b0', error: 'UNAVAILABLE: x' }, confirmed },
    { name: 'users', identity: { ...certified, issuer: 'other', state: 'expired' }, confirmed },
    { name: 'emoji', identity: null, confirmed: null },
    // Of another host: what it has told the control plane is known.
    { name: 'far', identity: null, confirmed },
  ];
  const confirmations = confirmationsOf(during, proxies);
  assert.deepEqual(
    confirmations.map(({ name, bundle, issuer }) => `${name} ${bundle} ${issuer}`),
    ['web no yes', 'users yes no', 'emoji - -', 'far yes no'],
  );
  const text = describeAuthority(during, confirmations);
  for (const line of [
    /^phase +distribute for 65s: the next root is on its way to all proxies/m,
    /^trust anchor +[0-9a-f]{16} {2}good for 364d, next$/m,
    /^kept by +others: --issuer-dir$/m,
    /^problem +the issuer has expired: heddle identity repair/m,
    /^confirmed +the trust anchors: 2 of 3 proxies, a leaf of the issuer: 1 of 3$/m,
    /^not confirmed, 7; nothing is retired before they have:$/m,
    /^ {2}web\.demo\n {2}and 5 more$/m,
    /^web: UNAVAILABLE: x$/m,
    /^users: expired$/m,
    /^emoji: has confirmed no trust anchors: it is not of ours, or has no certificate$/m,
  ]) {
    assert.match(text, line);
  }
  assert.doesNotMatch(text, /^control plane/m);
  const quiet = { ...during, unconfirmed: [], unconfirmedCount: 0 };
  assert.match(describeAuthority(quiet, []), /^nobody holds the rotation up/m);
  const json = JSON.parse(authorityJson(during, confirmations)) as {
    anchors: { fingerprint: string; role: string }[];
    proxies: unknown[];
    unconfirmedCount: number;
  };
  assert.deepEqual(
    json.anchors.map(({ fingerprint, role }) => [fingerprint, role]),
    [
      [rootRead.fingerprint, 'current'],
      [nextRead.fingerprint, 'next'],
    ],
  );
  assert.deepEqual([json.proxies.length, json.unconfirmedCount], [4, 7]);
});
