/** Goal: what is wrong with a certificate is said. Method: made certificates, exact texts. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCertificate } from '../core/identity/certificate.ts';
import {
  type Certificate as MadeCertificate,
  makeCertificate,
  makeIssuer,
  makeLeaf,
  makeRoot,
  meshName,
} from '../test/support/certificates.ts';
import {
  describeServed,
  judgeServed,
  renderServed,
  rootOf,
  type ServedIdentity,
  servedJson,
} from './served-identity.ts';

const nowMs = Date.now();
const hourMs = 3_600_000;
const name = meshName('web');
const root = makeRoot();
const issuer = makeIssuer(root);
const [rootRead, strangerRead] = read(root, makeRoot());

function read(...made: readonly MadeCertificate[]) {
  return made.map(({ der }) => {
    const certificate = parseCertificate(der);
    assert.ok(certificate !== null);
    return certificate;
  });
}

function served(leaf: MadeCertificate, more: Partial<ServedIdentity> = {}): ServedIdentity {
  const chain = read(leaf, issuer);
  const about = { proxy: 'web-1.demo', address: '127.0.0.1:4143', identity: name };
  return { ...about, chain, failure: '', ...more };
}

const good = served(
  makeLeaf(issuer, name, { notBefore: nowMs - 2 * hourMs, notAfter: nowMs + 22 * hourMs + 1_000 }),
);

test('each trouble of a certificate is told', () => {
  const leaf = (begin: number, end: number, subject = name): ServedIdentity => {
    const times = { notBefore: nowMs + begin * hourMs, notAfter: nowMs + end * hourMs };
    return served(makeLeaf(issuer, subject, times));
  };
  const rows: [ServedIdentity, readonly (typeof rootRead)[] | null, string | RegExp][] = [
    [good, [rootRead], ''],
    [good, null, ''],
    [good, [strangerRead], 'leads to no trust anchor'],
    [good, [], 'leads to no trust anchor'],
    [leaf(-30, -3), [rootRead], /^expired 3h ago$/],
    [leaf(3, 4), [rootRead], /^valid in \d+[hm]: see clocks$/],
    [leaf(-1, 1, meshName('users')), [rootRead], `proves ${meshName('users')}, not ${name}`],
    [served(makeCertificate({ issuer })), [rootRead], `proves no name, not ${name}`],
    [{ ...good, chain: [], failure: 'ECONNREFUSED' }, [rootRead], 'ECONNREFUSED'],
    [{ ...good, identity: '', chain: [] }, [rootRead], ''],
  ];
  for (const [one, roots, expected] of rows) {
    const told = judgeServed(one, roots, nowMs);
    if (typeof expected === 'string') assert.equal(told, expected);
    else assert.match(told, expected);
  }
});

test('a chain leads to a root by signatures alone', () => {
  const [leaf, middle] = good.chain;
  assert.equal(rootOf([leaf, middle], [strangerRead, rootRead]), rootRead);
  assert.equal(rootOf([leaf, middle, rootRead], [rootRead]), rootRead);
  // The issuer was left out, so that nothing says who signed it.
  assert.equal(rootOf([leaf], [rootRead]), null);
  const [other] = read(makeIssuer(root));
  assert.equal(rootOf([leaf, other], [rootRead]), null, 'another issuer of the same root');
});

test('the table has a line for each, with a tick or the trouble', () => {
  const none = { ...good, proxy: 'edge', address: '', identity: '', chain: [] };
  const rows = [good, none, { ...none, identity: name, failure: 'ECONNREFUSED' }];
  const table = renderServed(rows, [rootRead], nowMs, 'table');
  const print = rootRead.fingerprint.slice(0, 12);
  assert.deepEqual(
    table.split('\n').map((line) => line.replaceAll(/ {2,}/g, '  ')),
    [
      'PROXY  ADDRESS  IDENTITY  ISSUER  ROOT  AGE  LEFT  STATUS',
      `web-1.demo  127.0.0.1:4143  web.demo  issuer  ${print}  2h  22h  \u221a`,
      'edge  -  -  -  -  -  -  has no identity',
      'edge  -  -  -  -  -  -  ECONNREFUSED',
      '',
    ],
  );
  const wide = renderServed([good], [rootRead], nowMs, 'wide');
  assert.ok(wide.includes(name) && wide.includes(rootRead.fingerprint), wide);
});

test('the text has what linkerd identity has, and JSON all', () => {
  const text = describeServed(good, [rootRead], nowMs);
  for (const line of [
    'PROXY web-1.demo (127.0.0.1:4143)',
    `                DNS:${name}`,
    '        Issuer: CN=issuer',
    '        Issuer: CN=root',
    '        Public Key Algorithm: ec prime256v1',
    '        X509v3 Basic Constraints: CA:FALSE',
    'Status: good',
  ]) {
    assert.ok(text.split('\n').includes(line), `${line}\n${text}`);
  }
  assert.match(text, /^Trust anchor: root, [0-9a-f]{2}(:[0-9a-f]{2}){31}$/m);
  assert.match(describeServed(good, null, nowMs), /^Trust anchor: not known here/m);
  assert.match(describeServed({ ...good, chain: [], failure: 'x' }, [], nowMs), /\n\nx\n/);
  const [one] = JSON.parse(servedJson([good], [rootRead], nowMs)) as [
    { certificates: { names: string[]; fingerprint: string }[]; root: string },
  ];
  assert.deepEqual(one.certificates[0].names, [name]);
  assert.equal(one.certificates[0].fingerprint, good.chain[0].fingerprint);
  assert.equal(one.root, rootRead.fingerprint);
});
