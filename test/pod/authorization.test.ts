/**
 * Goal: under each default policy of Linkerd's a pod lets in whom it says, with its sidecar as the
 * injector starts it. Method: the same pod under one after the other, asked by a peer of the mesh,
 * by a host without a proxy and by itself; no policy controller answers.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askPod, servePod } from '../support/pods.ts';
import { startSidecars, webIp, whyNoSidecars } from '../support/sidecars.ts';

const skip = whyNoSidecars() ?? false;

/** What the peer, the host and the pod itself are answered; and that from the admin port. */
const rows = {
  'all-unauthenticated': ['200', '200', '200'],
  'all-authenticated': ['200', '403', '403'],
  'cluster-unauthenticated': ['200', '200', '200'],
  'cluster-authenticated': ['200', '403', '403'],
  deny: ['403', '403', '403'],
  audit: ['200', '200', '200'],
} as const;

test('a pod lets in whom its default policy says', { skip }, async (t) => {
  const { pods, outside, controlHost } = await startSidecars(t, {
    pods: ['client'],
    bare: ['web'],
  });
  const [client, web] = pods;
  await servePod(t, web.host);
  await web.init();
  for (const [policy, [peer, stranger, scrape]] of Object.entries(rows)) {
    await t.test(policy, async () => {
      const proxy = await startWith(policy);
      const [byPeer = ''] = await askPod(client.host, `http1 ${webIp} 8080 web /a`);
      assert.equal(byPeer.split(' ')[0], peer, byPeer);
      const [byStranger = ''] = await askPod(outside, `http1 ${web.host.ip} 8080 web /a`);
      assert.equal(byStranger.split(' ')[0], stranger, byStranger);
      const [own = ''] = await askPod(web.host, 'http1 127.0.0.1 8080 web /a');
      assert.equal(own.split(' ')[0], '200', own);
      const admin = `http1 ${web.host.ip} 4191 web`;
      const [metrics = ''] = await askPod(outside, `${admin} /metrics`);
      const [live = ''] = await askPod(outside, `${admin} /live`);
      assert.equal(metrics.split(' ')[0], scrape, metrics);
      assert.equal(live.split(' ')[0], '200', live);
      if (policy === 'audit') assert.match(proxy.said, /Request allowed .*authz.name=audit/);
      if (stranger === '403') assert.match(proxy.said, /Request denied/);
      proxy.signal('SIGKILL');
      await proxy.ended;
    });
  }

  function startWith(policy: string) {
    return web.start({
      LINKERD2_PROXY_INBOUND_DEFAULT_POLICY: policy,
      LINKERD2_PROXY_POLICY_CLUSTER_NETWORKS: '10.0.0.0/8',
      LINKERD2_PROXY_POLICY_SVC_ADDR: `${controlHost.ip}:1`,
    });
  }
});
