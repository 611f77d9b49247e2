/**
 * Goal: a proxy that may not or cannot take more connections lets clients wait, serves those it
 * has, says so, and goes on by itself. Method: the executable with a small limit; the log tells
 * when it pauses.
 */

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { dial } from '../../support/dial.ts';
import {
  ask,
  keepOne,
  type ProxyProcess,
  readMetrics,
  startHttpOrigin,
  startProxy,
  untilMetrics,
} from '../../support/process.ts';

async function start(
  t: TestContext,
  options: { readonly args: readonly string[]; readonly descriptors?: number },
): Promise<ProxyProcess> {
  const origin = await startHttpOrigin(t, (_incoming, outgoing) => outgoing.end('ok'));
  const yaml = `
services: { web: { port: 80, endpoints: [127.0.0.1:${origin}] } }
proxy: { outbound: 127.0.0.1:0, admin: 127.0.0.1:0 }
`;
  return startProxy(t, yaml, options);
}

for (const [name, args] of [
  ['the main thread', []],
  ['each worker', ['--accept', 'reuseport']],
] as const) {
  describe(`where ${name} accepts`, { concurrency: true }, () => {
    test('--max-connections lets clients wait until others have gone', async (t) => {
      const proxy = await start(t, {
        args: ['--workers', '1', '--max-connections', '3', ...args],
      });
      const port = proxy.port('Outbound interface');
      const get = (agent = keepOne(t)) => ask(port, '/', { headers: { host: 'web' }, agent });
      const agents = [keepOne(t), keepOne(t), keepOne(t)];
      for (const agent of agents) assert.equal((await get(agent)).status, 200);
      await proxy.untilSaid(/accepting is paused.* reason=connections/);
      const late = [get(), get()];
      for (const agent of agents) assert.equal((await get(agent)).status, 200);
      const paused = await readMetrics(proxy.port('Admin interface'));
      assert.equal(paused.sum('tcp_open_total', { peer: 'src' }), 3);
      for (const agent of agents) agent.destroy();
      for (const { status } of await Promise.all(late)) assert.equal(status, 200);
      await proxy.untilSaid('accepting again');
    });

    test('descriptors that run out do the same', async (t) => {
      const proxy = await start(t, { args: ['--workers', '1', ...args], descriptors: 128 });
      const port = proxy.port('Outbound interface');
      const agent = keepOne(t);
      const get = async (): Promise<void> => {
        const answer = await ask(port, '/', { headers: { host: 'web' }, agent });
        assert.equal(answer.status, 200);
      };
      await get();
      const clients: Socket[] = [];
      t.after(() => {
        for (const client of clients) client.destroy();
      });
      const lost: string[] = [];
      // More than there are descriptors: the rest waits in the backlog.
      for (let count = 0; count < 150; count++) {
        const client = await dial({ host: '127.0.0.1', port });
        client.on('error', (error) => lost.push(error.message));
        client.on('end', () => lost.push('ended'));
        client.resume();
        clients.push(client);
      }
      await proxy.untilSaid(/accepting is paused.* reason=descriptors/);
      for (let turn = 0; turn < 5; turn++) await get();
      assert.deepEqual(lost, []);
      assert.equal((await ask(proxy.port('Admin interface'), '/live')).status, 200);
      for (const client of clients.splice(0)) client.destroy();
      await proxy.untilSaid('accepting again');
      const after = await ask(port, '/', { headers: { host: 'web' }, agent: keepOne(t) });
      assert.equal(after.status, 200);
      await get();
      assert.doesNotMatch(proxy.said, /EMFILE|accepting has failed/);
    });
  });
}

test('descriptors that kept connections hold are there for others', async (t) => {
  const origin = await startHttpOrigin(t, (_incoming, outgoing) => outgoing.end('ok'), '0.0.0.0');
  const endpoints = Array.from({ length: 150 }, (_, index) => `127.9.0.${index + 1}:${origin}`);
  const yaml = `
services: { web: { port: 80, endpoints: [${endpoints.join(', ')}] } }
proxy: { outbound: 127.0.0.1:0, admin: 127.0.0.1:0, workers: 1 }
`;
  const proxy = await startProxy(t, yaml, { descriptors: 128 });
  const port = proxy.port('Outbound interface');
  const agent = keepOne(t);
  const get = () => ask(port, '/', { headers: { host: 'web' }, agent });
  // Each leaves a kept connection at one endpoint after the other, more than there may be.
  for (let count = 0; count < 500; count++) assert.equal((await get()).status, 200);
  assert.match(proxy.said, /Failed to connect .*code=LOAD_SHED/);
  // With none left just now a client of the admin port is closed; kept connections end soon.
  let body = '';
  while (body === '') {
    const answer = ask(proxy.port('Admin interface'), '/endpoints');
    body = await answer.then(
      (whole) => whole.body,
      () => '',
    );
  }
  const [{ endpoints: shown }] = (JSON.parse(body) as ShownEndpoints).targets;
  assert.equal(shown.length, endpoints.length);
  for (const one of shown) assert.deepEqual([one.gate, one.failures], ['open', 0], one.address);
});

interface ShownEndpoints {
  readonly targets: readonly {
    readonly endpoints: readonly {
      readonly address: string;
      readonly gate: string;
      readonly failures: number;
    }[];
  }[];
}

test('pauses are metered', async (t) => {
  const proxy = await start(t, { args: ['--workers', '0', '--max-connections', '1'] });
  const port = proxy.port('Outbound interface');
  const admin = proxy.port('Admin interface');
  const agent = keepOne(t);
  await ask(port, '/', { headers: { host: 'web' }, agent });
  const reason = { reason: 'connections' };
  await untilMetrics(admin, (metrics) => metrics.sum('heddle_accept_paused', reason) === 1);
  agent.destroy();
  const after = await untilMetrics(admin, (m) => m.sum('heddle_accept_paused', reason) === 0);
  assert.ok(after.sum('heddle_accept_pauses_total', reason) >= 1);
});
