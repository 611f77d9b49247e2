/**
 * Goal: proxies that are restarted one after another lose no request. Method: two inbound proxies
 * behind an outbound one, each a process, and clients that go on all the time.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  launchProxy,
  ownHost,
  startHttpOrigin,
  startLoad,
  startProxy,
} from '../../support/process.ts';

type AcceptMode = 'transfer' | 'reuseport';

function inboundYaml(port: number, originPort: number, accept: AcceptMode): string {
  return `
proxy:
  outbound: false
  admin: false
  inbound: ${ownHost}:${port}
  inboundTo: 127.0.0.1:${originPort}
  accept: ${accept}
  workers: 2
  announceMs: 500
  graceMs: 5000
`;
}

/** An inbound proxy that can be restarted on its port. */
async function startMember(t: TestContext, accept: AcceptMode) {
  let served = 0;
  const originPort = await startHttpOrigin(t, (incoming, outgoing) => {
    served += 1;
    incoming.resume();
    // Some work, so that a restart finds requests in flight.
    incoming.on('end', () => setTimeout(() => outgoing.end('done'), 5));
  });
  let proxy = await startProxy(t, inboundYaml(0, originPort, accept));
  const port = proxy.port('Inbound interface');
  return {
    port,
    get served() {
      return served;
    },
    async restart(): Promise<void> {
      proxy.signal('SIGTERM');
      const { code, said } = await proxy.ended;
      assert.equal(code, 0, said);
      assert.doesNotMatch(said, /what is left is reset/);
      proxy = launchProxy(t, inboundYaml(port, originPort, accept));
      await proxy.untilSaid('heddle: ready');
    },
  };
}

for (const accept of ['transfer', 'reuseport'] as const) {
  test(`two inbound proxies restarted in turn under load lose no request, ${accept}`, async (t) => {
    const members = [await startMember(t, accept), await startMember(t, accept)];
    const endpoints = members.map(({ port }) => `${ownHost}:${port}`).join(', ');
    // As with the defaults, an idle connection is kept for less long than a shutdown is announced.
    const outbound = await startProxy(
      t,
      `
services: { web: { port: 80, endpoints: [${endpoints}] } }
proxy: { outbound: 127.0.0.1:0, admin: false, workers: 1, poolIdleTimeoutMs: 200 }
`,
    );
    const load = startLoad(t, outbound.port('Outbound interface'), 'web', 12);
    for (const member of members) {
      await member.restart();
      const before = member.served;
      // Its endpoint is used again.
      const back = AbortSignal.timeout(10_000);
      while (member.served < before + 20 && !back.aborted) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.ok(member.served >= before + 20, 'the restarted proxy gets no requests');
    }
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.ok(load.answered > 100, `${load.answered} answers`);
  });
}
