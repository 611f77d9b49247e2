/**
 * Goal: whatever an application speaks goes from pod to pod by mTLS, and to and from what has no
 * sidecar in plaintext, without a word about the mesh in either. Method: pods of `sidecars.ts`, and
 * a tap between them that reads every packet.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askPod, servePod } from '../support/pods.ts';
import { startSidecars, webIp, whyNoSidecars } from '../support/sidecars.ts';

const skip = whyNoSidecars() ?? false;

test('from pod to pod', { skip }, async (t) => {
  const { web, client, outside, watch } = await startSidecars(t);
  for (const { inside } of [web.host, outside]) await servePod(t, { inside });
  const tap = await watch('sesame', 'listen-first');
  // By the address of the service, and by the pod's own.
  for (const host of [webIp, web.host.ip]) {
    const from = `from ::ffff:${web.host.ip}`;
    assert.deepEqual(await askPod(client.host, ...tasksAt(host)), [
      `200  HTTP/1.1 away.example /sesame for ${client.identity} ${from}`,
      `200 HTTP/2 away.example ${from}`,
      `sesame ${from} at ::ffff:${web.host.ip}`,
      `220 ::ffff:${web.host.ip} speaks first`,
    ]);
  }
  assert.deepEqual(tap.seen, []);
});

function tasksAt(host: string): string[] {
  return [
    `http1 ${host} 8080 away.example /sesame`,
    `http2 ${host} 8081 away.example`,
    `raw ${host} 9000 sesame`,
    `listen ${host} 9001`,
  ];
}
