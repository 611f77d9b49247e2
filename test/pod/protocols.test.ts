/**
 * Goal: whatever an application speaks goes from pod to pod by mTLS, and to and from what has no
 * sidecar in plaintext, without a word about the mesh in either; what is none of the mesh's
 * business it leaves alone. Method: pods of `sidecars.ts`, and a tap between them that reads every
 * packet.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Host } from '../support/hosts.ts';
import { askPod, servePod, tasksAt } from '../support/pods.ts';
import { Metrics } from '../support/process.ts';
import {
  type Sidecar,
  type SidecarMesh,
  startSidecars,
  webIp,
  webIp6,
  whyNoSidecars,
} from '../support/sidecars.ts';

const skip = whyNoSidecars() ?? false;

test('what applications in pods speak', { skip }, async (t) => {
  const mesh = await startSidecars(t);
  const [web, client] = mesh.pods;
  await Promise.all([web.host, client.host, mesh.outside].map((host) => servePod(t, host)));
  await testMeshed(t, mesh);
  await testUntouched(t, mesh);
});

async function testMeshed(t: TestContext, { pods, outside, watch }: SidecarMesh): Promise<void> {
  const [web, client] = pods;
  const tap = await watch('{sesame}', 'speaks first');

  for (const to of [webIp, webIp6, web.host.ip, web.host.ip6]) {
    await t.test(`from pod to pod, by ${to}`, async () => {
      const ip = inSocket(to.includes(':') ? web.host.ip6 : web.host.ip);
      const caller = client.identity;
      assert.deepEqual(await askPod(client.host, ...tasksAt(to)), answersOf({ ip, caller }));
      assert.deepEqual(tap.seen, []);
    });
  }

  await t.test('from a pod to what has no sidecar', async () => {
    for (const to of [outside.ip, outside.ip6]) {
      const from = inSocket(to.includes(':') ? client.host.ip6 : client.host.ip);
      const answers = answersOf({ ip: inSocket(to), caller: 'nobody', from });
      assert.deepEqual(await askPod(client.host, ...tasksAt(to)), answers);
    }
    await tap.until('{sesame}');
  });

  await t.test('to a pod from what has no sidecar', async () => {
    const tasks = [web.host.ip, web.host.ip6].flatMap(tasksAt);
    const answers = [web.host.ip, web.host.ip6].flatMap((to) =>
      answersOf({ ip: inSocket(to), caller: 'nobody' }),
    );
    assert.deepEqual(await askPod(outside, ...tasks), answers);
    const metrics = await metricsOf(outside, web);
    const src = { direction: 'inbound', peer: 'src' };
    const plain = { ...src, tls: 'no_identity', no_tls_reason: 'no_tls_from_remote' };
    assert.equal(metrics.sum('tcp_open_total', plain), tasks.length);
    const meshed = { ...src, tls: 'true', client_id: client.identity };
    assert.equal(metrics.sum('tcp_open_total', meshed) > 0, true);
  });

  await t.test('from a pod to itself by its service', async () => {
    for (const to of [webIp, webIp6]) {
      const ip = inSocket(to.includes(':') ? web.host.ip6 : web.host.ip);
      assert.deepEqual(await askPod(web.host, ...tasksAt(to)), answersOf({ ip, caller: 'nobody' }));
    }
  });
}

async function testUntouched(t: TestContext, { pods, outside, watch }: SidecarMesh): Promise<void> {
  const [web, client] = pods;
  const tap = await watch('{plain}');
  /** How many connections the proxy of a pod has taken, of its application and of others. */
  const countTaken = async (pod: Sidecar): Promise<readonly number[]> => {
    const metrics = await metricsOf(outside, pod);
    return ['outbound', 'inbound'].map((direction) =>
      metrics.sum('tcp_open_total', { direction, peer: 'src' }),
    );
  };

  await t.test(
    'from a pod to itself by its own address, its admin port, the loopback',
    async () => {
      const before = await countTaken(web);
      for (const to of [web.host.ip, web.host.ip6, '127.0.0.1', '::1']) {
        const answers = answersOf({ ip: inSocket(to), caller: 'nobody' });
        assert.deepEqual(await askPod(web.host, ...tasksAt(to)), answers);
        assert.deepEqual(await askPod(web.host, `http1 ${to} 4191 own /ready`), ['200  ready']);
      }
      assert.deepEqual(await countTaken(web), before);
    },
  );

  await t.test('ports that are left out, and datagrams, pass by the proxy', async () => {
    const before = [await countTaken(client), await countTaken(web)];
    for (const to of [web.host.ip, web.host.ip6]) {
      const own = inSocket(to);
      const from = inSocket(to.includes(':') ? client.host.ip6 : client.host.ip);
      const tasks = [`raw ${to} 4567 {plain}`, `udp ${to} 9002 {plain}`];
      assert.deepEqual(await askPod(client.host, ...tasks), [
        `{plain} from ${from} at ${own}`,
        `{plain} from ${from}`,
      ]);
    }
    assert.deepEqual([await countTaken(client), await countTaken(web)], before);
    await tap.until('{plain}');
  });
}

async function metricsOf(outside: Host, { host }: Sidecar): Promise<Metrics> {
  const lines = await askPod(outside, `http1 ${host.ip} 4191 admin /metrics`);
  return new Metrics(lines.join('\n'));
}

interface Heard {
  /** Where the application is, as its sockets say it. */
  readonly ip: string;
  readonly caller: string;
  /** Who connects to it; without: its own proxy, from the same address. */
  readonly from?: string;
}

function answersOf({ ip, caller, from = ip }: Heard): string[] {
  return [
    `200  HTTP/1.1 away.example /{sesame} for ${caller} from ${from}`,
    `200 HTTP/2 away.example from ${from}`,
    'gRPC {sesame} at away.example',
    'WebSocket {sesame}',
    `{sesame} from ${from} at ${ip}`,
    `220 ${ip} speaks first / {sesame} from ${from} at ${ip}`,
  ];
}

/** As a socket for both versions of IP says it. */
function inSocket(host: string): string {
  return host.includes(':') ? host : `::ffff:${host}`;
}
