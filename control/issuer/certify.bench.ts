/**
 * What a leaf costs a control plane: `node control/issuer/certify.bench.ts [ROUNDS]`. All that one
 * call of Certify computes: the request is read and its signature verified, the token is reviewed,
 * the leaf is made and signed; then the same by a leaf in use in place of the token. One thread.
 */

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { makeKeys, makeRequest } from '../../test/support/certificate-request.ts';
import { isOwnLeaf, refuseNames } from './check-request.ts';
import { createJoinToken, verifyJoinToken } from './join-token.ts';
import { readRequest } from './read-request.ts';
import { joinTokenReviewer } from './review-token.ts';
import { createIssuer, createRoot, issueLeaf } from './signer.ts';

const identity = 'web.demo.serviceaccount.identity.heddle.mesh.local';

async function main(rounds: number): Promise<void> {
  const nowMs = Date.now();
  const root = createRoot('mesh.local', nowMs);
  const issuer = createIssuer(root, 'mesh.local', nowMs);
  const anchors = [root.certificate];
  const join = generateKeyPairSync('ed25519');
  const claims = { namespace: 'demo', service: 'web', expiresWallMs: nowMs + 3_600_000 };
  const token = Buffer.from(createJoinToken(join.privateKey, claims));
  const reviewer = joinTokenReviewer(
    (text, atMs) => verifyJoinToken(join.publicKey, text, atMs),
    'mesh.local',
  );
  const der = await makeRequest(identity, { keys: await makeKeys() });
  const issue = (publicKey: Buffer): Buffer => {
    const uri = null;
    const endMs = issuer.certificate.notAfterMs;
    return issueLeaf(issuer, { identity, uri, publicKey, nowMs, endMs }).der;
  };
  const read = () => {
    const request = readRequest(der);
    assert.ok(request !== null && refuseNames(request, identity) === null && request.isSigned());
    return request;
  };
  const leaf = issue(read().publicKey);
  const trusted = { issuers: [issuer.certificate], anchors, nowMs };
  const steps: readonly (readonly [string, () => void])[] = [
    ['request read', () => void readRequest(der)],
    ['request read and verified', () => void read()],
    ['token reviewed', () => assert.ok('refuse' in reviewer.review(token, nowMs))],
    ['leaf signed', () => void issue(read().publicKey)],
    [
      'certified by token',
      () => {
        const { publicKey } = read();
        assert.ok('refuse' in reviewer.review(token, nowMs));
        issue(publicKey);
      },
    ],
    [
      'certified by leaf',
      () => {
        const { publicKey } = read();
        assert.ok(isOwnLeaf(leaf, identity, publicKey, trusted));
        issue(publicKey);
      },
    ],
  ];
  for (const [name, step] of steps) {
    const rates = Array.from({ length: rounds }, () => measure(step)).toSorted((a, b) => a - b);
    const [least, median, most] = [rates[0], rates[rounds >> 1], rates[rounds - 1]];
    const spread = `${Math.round(least)} to ${Math.round(most)}`;
    process.stdout.write(`${name}: ${Math.round(median)} a second of CPU (${spread})\n`);
  }
}

/** Times a second of CPU of this process. */
function measure(step: () => void): number {
  for (let warm = 0; warm < 50; warm++) step();
  const before = process.cpuUsage();
  const untilMs = performance.now() + 300;
  let count = 0;
  for (; performance.now() < untilMs; count++) step();
  const { user, system } = process.cpuUsage(before);
  return (count * 1e6) / (user + system);
}

await main(Number(process.argv[2] ?? 5));
