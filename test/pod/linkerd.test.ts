/**
 * Goal: in one mesh, Linkerd's proxy and ours carry each other's traffic by mTLS, and each is told
 * all that it has to know by `heddle up`. Method: pods of `sidecars.ts`, in one of which the binary
 * that `LINKERD2_PROXY` names runs, and a tap between them that reads every packet. What stands
 * around the binary is proved with the image's own program in its place.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findLinkerd } from '../support/linkerd-program.ts';
import { askPod, servePod, tasksAt } from '../support/pods.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { startSidecars, webIp, whyNoSidecars } from '../support/sidecars.ts';

const lack = whyNoSidecars();
const linkerd = findLinkerd();
const skip = lack ?? (linkerd.kind === 'missing' ? linkerd.reason : false);
const program = linkerd.kind === 'found' ? linkerd.program : '';

test('a linkerd2-proxy calls ours', { skip }, (t) => exchange(t, program, ['client']));
test('ours calls a linkerd2-proxy', { skip }, (t) => exchange(t, program, ['web']));
// One file has a minute, which is not enough for all three on a busy machine.
const instead = linkerd.kind === 'found' ? 'the binary itself has its turn' : false;
test('the same with ours in its place, both ways', { skip: lack ?? instead }, (t) =>
  exchange(t, join(makeRootfs(), 'usr/lib/linkerd/linkerd2-proxy'), ['client', 'web']),
);

/** What an application sees is the same whichever proxies are between. */
async function exchange(
  t: TestContext,
  program: string,
  services: readonly ('web' | 'client')[],
): Promise<void> {
  const mesh = await startSidecars(t, { linkerd: { program, services } });
  const [web, client] = mesh.pods;
  await servePod(t, web.host);
  const tap = await mesh.watch('{sesame}', 'speaks first');
  const ip = `::ffff:${web.host.ip}`;
  const answers = [
    `200  HTTP/1.1 away.example /{sesame} for ${client.identity} from ${ip}`,
    `200 HTTP/2 away.example from ${ip}`,
    'gRPC {sesame} at away.example',
    'WebSocket {sesame}',
    `{sesame} from ${ip} at ${ip}`,
    `220 ${ip} speaks first / {sesame} from ${ip} at ${ip}`,
  ];
  // By the address of the service, and by the pod's own.
  for (const host of [webIp, web.host.ip]) {
    assert.deepEqual(await askPod(client.host, ...tasksAt(host)), answers, services.join());
  }
  assert.deepEqual(tap.seen, []);
}
