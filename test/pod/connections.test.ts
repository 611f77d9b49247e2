/**
 * Goal: ten thousand clients at once are served by one sidecar in bounded memory, and it answers
 * others meanwhile. Method: kept connections of HTTP/1.1 from one process, through the redirect of
 * the called pod, and through that of the calling one; behind the proxy requests share few
 * connections, to the application or in mTLS to the other sidecar, so that a process that may have
 * 20 000 descriptors has room for all.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cleanUp } from '../support/cleanup.ts';
import type { Host } from '../support/hosts.ts';
import { askPod, servePod } from '../support/pods.ts';
import { Metrics } from '../support/process.ts';
import { type Sidecar, startSidecars, webIp, whyNoSidecars } from '../support/sidecars.ts';

const skip = whyNoSidecars() ?? false;
const count = 10_000;
/** Of memory; it takes 5 KiB, and what is not given back at once comes on top. */
const bytesEachMax = 16 * 1024;

test('a sidecar has 10 000 connections', { skip }, async (t) => {
  const { pods, outside } = await startSidecars(t);
  const [web, client] = pods;
  await servePod(t, web.host);

  await t.test('of clients without a sidecar', async (t) => {
    const crowd = startCrowd(t, outside, web.host.ip);
    await fill(crowd, { pod: web, direction: 'inbound', outside }, async () => {
      const tasks = [
        `http1 ${web.host.ip} 8080 web /other`,
        `http1 ${web.host.ip} 4191 own /ready`,
      ];
      const [answer, ready] = await askPod(outside, ...tasks);
      assert.match(answer, /^200 {2}HTTP\/1\.1 web \/other/);
      assert.equal(ready, '200  ready');
    });
  });

  await t.test('of its own application, which share few of mTLS', async (t) => {
    const meshed = { direction: 'inbound', peer: 'src', client_id: client.identity };
    const opened = async () => (await readMetrics(outside, web)).sum('tcp_open_total', meshed);
    const before = await opened();
    const crowd = startCrowd(t, client.host, webIp);
    await fill(crowd, { pod: client, direction: 'outbound', outside }, async () => {
      const [answer] = await askPod(client.host, `http1 ${webIp} 8080 web /other`);
      assert.ok(answer.startsWith(`200  HTTP/1.1 web /other for ${client.identity} `), answer);
    });
    const shared = (await opened()) - before;
    assert.ok(shared > 0 && shared < count / 10, `${shared} connections of mTLS`);
  });
});

interface Filled {
  readonly pod: Sidecar;
  readonly direction: 'inbound' | 'outbound';
  readonly outside: Host;
}

/** Two rounds of requests; others are answered during the second. */
async function fill(
  crowd: ReturnType<typeof startCrowd>,
  { pod, direction, outside }: Filled,
  askOthers: () => Promise<void>,
): Promise<void> {
  const residentOf = (metrics: Metrics): number => metrics.sum('process_resident_memory_bytes');
  const src = { direction, peer: 'src' };
  const before = await readMetrics(outside, pod);
  assert.deepEqual(await crowd.round(), { answered: count, failures: [] });
  const during = await readMetrics(outside, pod);
  assert.equal(during.sum('tcp_open_connections', src), count);
  const round = crowd.round();
  await askOthers();
  assert.deepEqual(await round, { answered: count, failures: [] });
  const after = await readMetrics(outside, pod);
  for (const metrics of [during, after]) {
    const grown = residentOf(metrics) - residentOf(before);
    assert.ok(grown < count * bytesEachMax, `${grown} bytes more for ${count} connections`);
  }
  crowd.leave();
}

async function readMetrics(outside: Host, { host }: Sidecar): Promise<Metrics> {
  const lines = await askPod(outside, `http1 ${host.ip} 4191 admin /metrics`);
  return new Metrics(lines.join('\n'));
}

function startCrowd(t: TestContext, { inside }: Host, to: string) {
  const file = resolve(import.meta.dirname, '../support/pod-crowd.ts');
  const [name, ...args] = [...inside, process.execPath, file, to, String(count)];
  const child = spawn(name, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = once(child, 'close');
  cleanUp(t, async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const round = async (): Promise<unknown> => {
    child.send('again');
    const [result] = (await once(child, 'message')) as [unknown];
    return result;
  };
  return { round, leave: () => child.kill('SIGKILL') };
}
