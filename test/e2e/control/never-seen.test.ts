/**
 * Goal: without a control plane and without anything on disk, who asks is answered in bounded time:
 * by where the application dialled, or with an explanation; and a first start is not held up.
 * Method: real processes; ports where nobody listens, where nobody answers.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import {
  ask,
  type ProxyProcess,
  startHttpOrigin,
  startProxy,
  untilMetrics,
} from '../../support/process.ts';
import { appCommand, startRun } from '../../support/run-process.ts';

describe('without a control plane', { concurrency: 2 }, () => {
  for (const [how, open] of [
    ['is not there', async () => 1],
    ['is silent', startSilent],
  ] as const) {
    test(`a name goes to where DNS says when the control plane ${how}`, async (t) => {
      const origin = await startHttpOrigin(t, (_request, response) => response.end('dialled'));
      const proxy = await startAlone(t, await open(t), 'allow');
      const outbound = proxy.port('Outbound interface');
      const startMs = performance.now();
      const host = `localhost:${origin}`;
      const first = await ask(outbound, '/', { headers: { host } });
      assert.deepEqual([first.status, first.body], [200, 'dialled']);
      assert.ok(performance.now() - startMs > 2_500, 'the control plane had its time');
      const second = await ask(outbound, '/', { headers: { host } });
      assert.equal(second.body, 'dialled');
      const admin = proxy.port('Admin interface');
      const metrics = await untilMetrics(
        admin,
        (all) => all.sum('heddle_discovery_fallbacks_total') > 0,
      );
      assert.equal(metrics.sum('heddle_discovery_fallbacks_total'), 1);
      assert.equal(proxy.said.split('traffic goes to where the application dialled').length - 1, 1);
      await isNotReady(proxy);
    });

    test(`a name is refused without passthrough when the control plane ${how}`, async (t) => {
      const proxy = await startAlone(t, await open(t), 'refuse');
      const outbound = proxy.port('Outbound interface');
      const answer = await ask(outbound, '/', { headers: { host: 'localhost:9' } });
      assert.equal(answer.status, 504);
      assert.match(String(answer.headers['l5d-proxy-error']), /not learned in time.*localhost:9/);
      await isNotReady(proxy);
    });
  }
});

test('heddle run starts its application after --wait, and says why', async (t) => {
  const control = await startSilent(t);
  const flags = ['--control', `127.0.0.1:${control}`, '--wait', '5s'];
  const run = startRun(t, [...flags, ...appCommand('end=SIGTERM:0')]);
  const line = await run.events.until(/^heddle: the proxy is not ready/);
  const [, reason] =
    /^heddle: the proxy is not ready after 5 s \((.*)\), starting /.exec(line) ?? [];
  assert.match(reason, /^not ready: the control plane 127\.0\.0\.1:\d+ has said nothing yet: \S/);
  await run.events.until(/^running /);
  assert.ok(run.events.index(line) < run.events.all.findIndex((one) => one.startsWith('running ')));
  process.kill(run.pid, 'SIGTERM');
  assert.deepEqual(await run.ended, [0, null]);
});

async function isNotReady(proxy: ProxyProcess): Promise<void> {
  const { status, body } = await ask(proxy.port('Admin interface'), '/ready');
  assert.equal(status, 503);
  assert.match(body, /^not ready: the control plane 127\.0\.0\.1:\d+ has said nothing yet: \S+/);
}

/** Without a state of its own and without waiting for readiness. */
async function startAlone(t: TestContext, control: number, passthrough: string) {
  const settings = { control: `127.0.0.1:${control}`, passthrough, ...proxySettings };
  return startProxy(t, JSON.stringify({ proxy: settings }));
}

/** Takes connections and says nothing. */
async function startSilent(t: TestContext): Promise<number> {
  const server = createServer((socket) => {
    socket.resume();
    socket.on('error', () => undefined);
    t.after(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

const proxySettings = {
  outbound: '127.0.0.1:0',
  admin: '127.0.0.1:0',
  stateDir: 'off',
  workers: 1,
  announceMs: 0,
};
