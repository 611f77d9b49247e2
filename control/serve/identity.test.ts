/**
 * Goal: leaves for those who may have them, and for each other request its own refusal. Method: a
 * client of grpc-js, requests by another library, on real sockets; what is issued is verified by
 * Node and by openssl.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeKeys, makeRequest } from '../../test/support/certificate-request.ts';
import { ControlClient } from '../../test/support/control-client.ts';
import { type ControlRig, startControlRig } from '../../test/support/control-rig.ts';
import { untilTurn } from '../../test/support/turns.ts';
import type { TokenReviewer } from '../issuer/review-token.ts';

const web = 'web.demo.serviceaccount.identity.heddle.mesh.local';

interface Certified {
  readonly leaf_certificate: Buffer;
  readonly intermediate_certificates: readonly Buffer[];
  readonly valid_until: { readonly seconds: number };
  readonly heddle_trust_bundle: readonly Buffer[];
}

interface Request {
  readonly identity: string;
  readonly token: string;
  readonly certificate_signing_request: Buffer;
  readonly heddle_leaf?: Buffer;
}

test('a token is good for a leaf that verifies', async (t) => {
  const rig = await startControlRig(t, { spiffe: true });
  const answer = await certify(rig, await request(rig));
  const leaf = new X509Certificate(answer.leaf_certificate);
  assert.equal(leaf.subjectAltName, `DNS:${web}, URI:spiffe://mesh.local/ns/demo/sa/web`);
  assert.equal(leaf.subject, `CN=${web}`);
  assert.equal(leaf.ca, false);
  const nowMs = rig.clock.wallMs();
  assert.equal(leaf.validFromDate.getTime(), nowMs - 20_000 - (nowMs % 1000));
  const endMs = nowMs + 24 * 3_600_000 + 20_000;
  assert.ok(Math.abs(leaf.validToDate.getTime() - endMs) <= 1000);
  assert.equal(answer.valid_until.seconds * 1000, leaf.validToDate.getTime());
  verifyByOpenssl(t, answer, nowMs);
});

test('each request that is not right has its status and what to do', async (t) => {
  const rig = await startControlRig(t);
  const good = await request(rig);
  const csr = (options: Parameters<typeof makeRequest>[1]) => makeRequest(web, options);
  const dns = { type: 'dns', value: web } as const;
  const refused: readonly (readonly [string, Partial<Request>])[] = [
    ['INVALID_ARGUMENT: identity: there is none', { identity: '' }],
    ['INVALID_ARGUMENT: token: there is none: make one with', { token: '' }],
    ['INVALID_ARGUMENT: certificate_signing_request: expected', emptyRequest(Buffer.alloc(0))],
    ['INVALID_ARGUMENT: certificate_signing_request: expected', emptyRequest(Buffer.from('no'))],
    [
      'INVALID_ARGUMENT: certificate_signing_request: expected',
      emptyRequest(Buffer.concat([good.certificate_signing_request, Buffer.from([0])])),
    ],
    [
      'INVALID_ARGUMENT: certificate_signing_request: expected',
      emptyRequest(Buffer.alloc(10_000, 0x30)),
    ],
    [
      'INVALID_ARGUMENT: certificate_signing_request: its signature',
      emptyRequest(tampered(good.certificate_signing_request)),
    ],
    ['FAILED_PRECONDITION: identity: expected <service account>', { identity: 'web.demo' }],
    [
      'FAILED_PRECONDITION: the request does not have the identity',
      { identity: web.replace('web', 'users') },
    ],
    ['FAILED_PRECONDITION: the request does not have', emptyRequest(await csr({ names: [] }))],
    [
      'FAILED_PRECONDITION: the request does not have',
      emptyRequest(await csr({ names: [dns, dns] })),
    ],
    ...(await Promise.all(
      [
        { type: 'email', value: 'a@b' },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'url', value: 'spiffe://mesh.local/ns/demo/sa/web' },
      ].map(
        async (other) =>
          [
            'FAILED_PRECONDITION: the request has alternative names that are no DNS',
            emptyRequest(await csr({ names: [dns, other as typeof dns] })),
          ] as const,
      ),
    )),
    [
      'FAILED_PRECONDITION: the request has a common name',
      emptyRequest(await csr({ commonName: 'users' })),
    ],
    ['INVALID_ARGUMENT: the token is not one of heddle', { token: 'x' }],
    ['FAILED_PRECONDITION: the token has expired', { token: rig.token('demo', 'web', -1000) }],
    ['FAILED_PRECONDITION: the token is for service users', { token: rig.token('demo', 'users') }],
    ['FAILED_PRECONDITION: the token is for service web in', { token: rig.token('other', 'web') }],
    ['FAILED_PRECONDITION: heddle_leaf: it is no good leaf', { token: '', heddle_leaf: one }],
  ];
  const control = 'heddle-control.heddle.serviceaccount.identity.heddle.mesh.local';
  const asControl = { identity: control, certificate_signing_request: await makeRequest(control) };
  const own = await refusal(rig, { ...asControl, token: rig.token() });
  assert.match(own, /^FAILED_PRECONDITION: identity: it is the control plane's own name/);
  for (const [expected, change] of refused) {
    const text = await refusal(rig, { ...good, ...change });
    assert.ok(text.startsWith(expected), `${text} is not ${expected}`);
  }
  await certify(rig, good);
});

test('a leaf in use is good for the next one of its key, until it ends', async (t) => {
  const rig = await startControlRig(t);
  const keys = await makeKeys();
  const csr = await makeRequest(web, { keys });
  const first = await certify(rig, { ...(await request(rig)), certificate_signing_request: csr });
  const again = {
    identity: web,
    token: '',
    certificate_signing_request: csr,
    heddle_leaf: first.leaf_certificate,
  };
  const second = await certify(rig, again);
  assert.notDeepEqual(second.leaf_certificate, first.leaf_certificate);
  // A token that has expired does no harm.
  await certify(rig, { ...again, token: rig.token('demo', 'web', -1000) });
  const otherKey = await makeRequest(web);
  const no = /^FAILED_PRECONDITION: heddle_leaf/;
  assert.match(await refusal(rig, { ...again, certificate_signing_request: otherKey }), no);
  const users = web.replace('web', 'users');
  const otherName = await makeRequest(users, { keys });
  assert.match(
    await refusal(rig, { ...again, identity: users, certificate_signing_request: otherName }),
    no,
  );
  const [issuer] = first.intermediate_certificates;
  assert.match(await refusal(rig, { ...again, heddle_leaf: issuer }), no);
  rig.clock.advance(24 * 3_600_000 + 21_000);
  assert.match(await refusal(rig, again), no);
});

test('after sixty days of sleep another issuer signs, and the token is good', async (t) => {
  const rig = await startControlRig(t);
  const token = rig.token('*', '*', 3_650 * 24 * 3_600_000);
  const asked = { ...(await request(rig)), token };
  const first = await certify(rig, asked);
  rig.clock.stall(60 * 24 * 3_600_000);
  const second = await certify(rig, asked);
  assert.notDeepEqual(second.intermediate_certificates, first.intermediate_certificates);
  assert.deepEqual(second.heddle_trust_bundle, first.heddle_trust_bundle);
  verifyByOpenssl(t, second, rig.clock.wallMs());
});

test('when the root has expired the answer says what to do, and a repair helps', async (t) => {
  const rig = await startControlRig(t);
  rig.clock.stall(400 * 24 * 3_600_000);
  const asked = await request(rig);
  const expired = /^UNKNOWN: no leaf can be signed: .*expired.*: heddle identity repair/;
  assert.match(await refusal(rig, asked), expired);
  assert.equal(rig.authority.repair(), null);
  await certify(rig, asked);
});

test('without an issuer nobody is certified', async (t) => {
  const rig = await startControlRig(t);
  for (const name of ['root.key', 'issuer.key']) rmSync(join(rig.identityFolder, name));
  rig.authority.reload();
  assert.match(
    await refusal(rig, await request(rig)),
    /^UNAVAILABLE: cert issuer not ready yet: there is no .*: heddle identity repair makes/,
  );
});

test('many wait in turns, too many of one connection are refused, all are answered', async (t) => {
  const reviews: (() => void)[] = [];
  const reviewer: TokenReviewer = {
    review: () => new Promise((resolve) => reviews.push(() => resolve({ refuse: () => null }))),
  };
  const rig = await startControlRig(t, { reviewer });
  const asked = await request(rig);
  const flood = Array.from({ length: 130 }, () => refusal(rig, asked));
  await untilTurn('all reviews are under way', () => reviews.length === 64);
  const full = await Promise.race(flood);
  assert.match(full, /^RESOURCE_EXHAUSTED: 64 requests of this connection wait for a certificate/);
  const other = certify(rig, asked, new ControlClient(t, rig.port));
  let isDone = false;
  const all = Promise.all([other, ...flood]).finally(() => {
    isDone = true;
  });
  await untilTurn('all are reviewed', () => {
    for (const done of reviews.splice(0)) done();
    return isDone;
  });
  const [, ...answers] = await all;
  const issued = answers.filter((answer) => answer === 'issued').length;
  const refused = answers.filter((answer) => answer.startsWith('RESOURCE_EXHAUSTED')).length;
  assert.equal(issued + refused, 130);
  // Those under review, and as many behind them as came later.
  assert.ok(issued >= 64 && issued <= 128, `${issued}`);
});

test('a review that fails is told to the one who asked', async (t) => {
  const failures: readonly (readonly [RegExp, TokenReviewer['review']])[] = [
    [/^INTERNAL: the issuer has failed: no way/, () => Promise.reject(new Error('no way'))],
    [
      /^INTERNAL: the issuer has failed: out of/,
      () => {
        throw new Error('out of order');
      },
    ],
    [/^INTERNAL: gone/, () => Promise.resolve({ reason: 'unavailable', problem: 'gone' })],
  ];
  for (const [expected, review] of failures) {
    const rig = await startControlRig(t, { reviewer: { review } });
    const asked = await request(rig);
    assert.match(await refusal(rig, asked), expected);
    assert.match(await refusal(rig, asked), expected);
  }
});

async function request(rig: ControlRig): Promise<Request> {
  const certificate_signing_request = await makeRequest(web, { commonName: web });
  return { identity: web, token: rig.token('demo', 'web'), certificate_signing_request };
}

async function certify(
  rig: ControlRig,
  asked: Request,
  client: ControlClient = rig.client,
): Promise<Certified> {
  const message = { ...asked, token: Buffer.from(asked.token) };
  const answer = await client.ask('io.linkerd.proxy.identity.Identity', 'Certify', message);
  return answer as unknown as Certified;
}

async function refusal(rig: ControlRig, asked: Request): Promise<string> {
  try {
    await certify(rig, asked);
    return 'issued';
  } catch (error) {
    return (error as Error).message.replace(/^\d+ /, '');
  }
}

function emptyRequest(bytes: Buffer): Partial<Request> {
  return { certificate_signing_request: bytes };
}

/** Another signature of the same form. */
function tampered(csr: Buffer): Buffer {
  const copy = Buffer.from(csr);
  copy[copy.length - 1] ^= 1;
  return copy;
}

function verifyByOpenssl(t: TestContext, answer: Certified, nowMs: number): void {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const write = (name: string, certificates: readonly Buffer[]): string => {
    const path = join(folder, name);
    const pems = certificates.map((der) => new X509Certificate(der).toString());
    writeFileSync(path, pems.join(''));
    return path;
  };
  const roots = write('roots', answer.heddle_trust_bundle);
  const chain = write('chain', answer.intermediate_certificates);
  const leaf = write('leaf', [answer.leaf_certificate]);
  const at = String(Math.floor(nowMs / 1000));
  const usage = ['-purpose', 'sslclient', '-x509_strict', '-verify_hostname', web];
  const files = ['-CAfile', roots, '-untrusted', chain, leaf];
  try {
    const text = execFileSync('openssl', ['verify', '-attime', at, ...usage, ...files]);
    assert.match(text.toString(), /: OK/);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    t.diagnostic('openssl is not installed: the chain was not verified by it');
  }
}

const one = Buffer.from([1]);
