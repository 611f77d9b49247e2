/**
 * Goal: between hosts all is encrypted and both sides are known, from the first word with the
 * control plane on; whoever has no right, or comes in plaintext, gets nothing and is told why.
 * Method: network namespaces as hosts, one for the control plane, one for the callee, one for the
 * caller, and a tap between them; skipped where there can be none.
 */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { meshName } from '../../support/certificates.ts';
import { startHostMesh, webPort } from '../../support/host-mesh.ts';
import { whyNoHosts } from '../../support/hosts.ts';
import type { RunProcess } from '../../support/run-process.ts';

const why = whyNoHosts();

describe('a mesh over hosts', { skip: why ?? false, concurrency: 2 }, () => {
  test('is encrypted throughout', talksInSecret);
  test('refuses who has no right', refusesStrangers);
});

async function talksInSecret(t: TestContext): Promise<void> {
  const mesh = await startHostMesh(t);
  const { webHost } = mesh;
  const callerToken = await mesh.createToken('default');
  const webToken = await mesh.createToken('web');
  const secrets = [webToken, callerToken].map((token) => token.slice(-60).trim());
  const tap = await mesh.watch('in-plaintext', 'secret-body', `${caller} says`, ...secrets);
  const web = mesh.runWeb(webToken);
  const [, port] = await inboundOf(web);
  await web.events.until(`heddle: joined ${mesh.control} as web in default`);
  const answer = `answer 200  ${caller} says secret-body`;
  const said = await mesh.call(callerToken, 'get', 'http://web/', 'secret-body');
  assert.deepEqual(said, [answer]);

  // What is said without the mesh is seen, so that it is the mesh that hid the rest.
  await mesh.attack('send', webHost.ip, port, 'GET /in-plaintext HTTP/1.0\r\n\r\n');
  await tap.until('in-plaintext');
  assert.deepEqual(new Set(tap.seen), new Set(['in-plaintext']));
}

async function refusesStrangers(t: TestContext): Promise<void> {
  const mesh = await startHostMesh(t);
  const { up, controlHost, webHost } = mesh;
  const token = await mesh.createToken('web');
  for (const [bad, reason] of [
    ['none', /the token names no trust domain for web\.default: make another/],
    [withClaims(token, { pin: ['00'.repeat(32)] }), /none of its certificates is one that/],
    [
      withClaims(token, { svc: '*' }),
      /FAILED_PRECONDITION: the token is not signed by this control/,
    ],
  ] as const) {
    const stranger = mesh.runWeb(bad);
    await stranger.events.until(reason);
    process.kill(stranger.pid, 'SIGTERM');
    await stranger.ended;
    assert.ok(!stranger.events.all.some((line) => line.includes('joined')), String(reason));
  }

  const web = mesh.runWeb(token);
  const [ip, port] = await inboundOf(web);
  await web.events.until(/^heddle: joined/);
  const [called] = await mesh.call(await mesh.createToken('default'), 'get', 'http://web/', '');
  assert.equal(called, `answer 200  ${caller} says`);
  const ask = (to: number) =>
    mesh.attack('port', ip, port, mesh.callerIdentity, meshName('web', 'default'), String(to));
  assert.match((await ask(webPort))[0], /^closed "HTTP\/1\.1 200/);
  assert.deepEqual(await ask(Number(port)), ['closed ""']);
  assert.deepEqual(await ask(22), ['closed ""']);
  const direct = await mesh.attack('send', webHost.ip, String(webPort), 'GET / HTTP/1.0\r\n\r\n');
  assert.deepEqual(direct, ['closed ""']);

  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
  const plain = await mesh.attack('send', controlHost.ip, '8086', preface);
  assert.deepEqual(plain, ['closed ""']);
  await up.untilSaid(/a connection was closed .*plaintext/);
}

/** Where its proxy takes what comes from others. */
async function inboundOf(web: RunProcess): Promise<string[]> {
  const line = await web.events.until(/^reached at/);
  return line.slice('reached at '.length).split(':');
}

/** The signature is of what it said before. */
function withClaims(token: string, more: object): string {
  const [head, payload, signature] = token.trim().split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
  const text = JSON.stringify({ ...claims, ...more });
  return [head, Buffer.from(text).toString('base64url'), signature].join('.');
}

const caller = meshName('default', 'default');
