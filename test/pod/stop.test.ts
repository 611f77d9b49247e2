/**
 * Goal: a pod that is ended while others use it, or while it uses others, loses nothing. Method:
 * load of every kind from a pod to the service, of which one pod is deleted as Kubernetes does it:
 * it leaves the service, its sidecar is told to end, and its application after that.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from '../support/hosts.ts';
import { askPod, servePod, startPodLoad } from '../support/pods.ts';
import { Metrics } from '../support/process.ts';
import { type Sidecar, startSidecars, webIp, whyNoSidecars } from '../support/sidecars.ts';

const skip = whyNoSidecars() ?? false;
const clients = 4;

test('pods end under load', { skip }, async (t) => {
  const mesh = await startSidecars(t, { pods: ['web', 'web', 'client'] });
  const { announce, control, outside } = mesh;
  const [first, second, client] = mesh.pods;
  // What is there before the second one are the streams that have to leave the first.
  announce(first);
  await control.untilSaid('the configuration has changed and is applied');
  const [application] = await Promise.all([first, second].map(({ host }) => servePod(t, host)));
  const load = startPodLoad(t, client.host, webIp, clients);
  await load.until(({ answered }) => Object.values(answered).every((count) => count > 100));

  await t.test('the side that is called', async () => {
    announce(first, second);
    while (!(await isUsed(outside, second)));
    announce(second);
    first.proxy.signal('SIGTERM');
    await first.proxy.untilSaid('inbound accepts no more');
    application?.signal('SIGTERM');
    const { code, said } = await first.proxy.ended;
    assert.equal(code, 0, said);
    assert.doesNotMatch(said, /did not complete/);
    assert.equal((await application?.ended)?.[0], 0);
    const { answered, byes } = await load.until(() => true);
    assert.equal(byes, clients, 'all streams of bytes were there');
    const goesOn = ({ http1, http2, bytes }: typeof answered): boolean =>
      http1 > answered.http1 + 100 && http2 > answered.http2 + 100 && bytes > answered.bytes + 100;
    const { failures } = await load.until((report) => goesOn(report.answered));
    assert.deepEqual(failures, []);
  });

  await t.test('the side that calls', async () => {
    client.proxy.signal('SIGTERM');
    await client.proxy.untilSaid('inbound accepts no more');
    const { answered } = await load.until(() => true);
    await load.until((report) => report.answered.http1 > answered.http1 + 100);
    const { failures } = await load.stop();
    assert.deepEqual(failures, []);
    const { code, said } = await client.proxy.ended;
    assert.equal(code, 0, said);
    assert.doesNotMatch(said, /did not complete/);
  });
});

async function isUsed(outside: Host, { host }: Sidecar): Promise<boolean> {
  const lines = await askPod(outside, `http1 ${host.ip} 4191 admin /metrics`);
  const src = { direction: 'inbound', peer: 'src', tls: 'true' };
  return new Metrics(lines.join('\n')).sum('tcp_open_total', src) > 0;
}
