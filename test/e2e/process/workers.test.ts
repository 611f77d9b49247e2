/**
 * Goal: what one worker counts is part of what the proxy shows, and a worker that ends takes its
 * own connections with it and nothing else. Method: the executable with two workers; and a whole
 * proxy in this process whose first worker throws when its log level is changed.
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadConfig } from '../../../control/sources/load-config.ts';
import { startProxy as startInProcess } from '../../../workers/start.ts';
import { runMortal } from '../../support/mortal-worker.ts';
import {
  ask,
  keepOne,
  makeFolder,
  readMetrics,
  startHttpOrigin,
  startLoad,
  startProxy,
  untilMetrics,
} from '../../support/process.ts';

const src = { direction: 'outbound', peer: 'src' };
const outbound = { direction: 'outbound' };

function yamlOf(originPort: number, workers = 2): string {
  return `
services: { web: { port: 80, endpoints: [127.0.0.1:${originPort}] } }
proxy:
  outbound: 127.0.0.1:0
  admin: 127.0.0.1:0
  workers: ${workers}
  poolIdleTimeoutMs: 100
`;
}

/** A whole proxy in this process, whose first worker throws when its log level is changed. */
async function startMortal(t: TestContext, yaml: string) {
  const path = join(makeFolder(t), 'heddle.yaml');
  writeFileSync(path, yaml);
  const loaded = await loadConfig(path);
  assert.ok('config' in loaded);
  let logged = '';
  const proxy = await startInProcess(loaded.config, loaded.config.settings, {
    entry: {
      filename: new URL('../../support/mortal-worker.ts', import.meta.url).href,
      name: runMortal.name,
    },
    writeLog: (bytes, done) => {
      logged += Buffer.from(bytes).toString();
      queueMicrotask(() => done(null, bytes.length));
    },
  });
  t.after(() => proxy.stop());
  const { outbound: traffic, admin } = proxy.settings;
  assert.ok(traffic !== null && admin !== null);
  return {
    port: traffic.port,
    admin: admin.port,
    get logged() {
      return logged;
    },
    killWorker: async () => {
      const died = await ask(admin.port, '/proxy-log-level', { method: 'PUT', body: 'warn' });
      assert.equal(died.status, 204);
    },
  };
}

test('metrics are the sums of all workers', async (t) => {
  const originPort = await startHttpOrigin(t, (incoming, outgoing) => {
    outgoing.statusCode = Number(incoming.url?.slice(1));
    outgoing.end('body');
  });
  const proxy = await startProxy(t, yamlOf(originPort));
  const port = proxy.port('Outbound interface');
  const admin = proxy.port('Admin interface');
  const agents = Array.from({ length: 6 }, () => keepOne(t));
  for (const agent of agents) {
    for (const status of [200, 200, 404]) {
      const answer = await ask(port, `/${status}`, { headers: { host: 'web' }, agent });
      assert.equal(answer.status, status);
    }
  }
  const during = await untilMetrics(admin, (m) => m.sum('response_total', outbound) === 18);
  assert.equal(during.sum('request_total', outbound), 18);
  assert.equal(during.sum('response_total', { ...outbound, status_code: '200' }), 12);
  assert.equal(
    during.sum('response_total', { ...outbound, status_code: '404', classification: 'success' }),
    6,
  );
  assert.equal(during.sum('response_latency_ms_count', outbound), 18);
  assert.equal(during.sum('response_latency_ms_bucket', { ...outbound, le: '+Inf' }), 18);
  assert.equal(during.sum('tcp_open_total', src), 6);
  assert.equal(during.sum('tcp_open_connections', src), 6);
  for (const worker of ['0', '1']) {
    assert.equal(during.sum('heddle_worker_connections', { worker, ...outbound }), 3);
  }
  for (const agent of agents) agent.destroy();
  const after = await untilMetrics(admin, (m) => m.sum('tcp_open_connections') === 0);
  assert.equal(after.sum('tcp_close_total', src), 6);
  assert.equal(after.sum('request_total', outbound), 18);
  assert.equal(after.sum('heddle_http_requests_in_flight'), 0);
});

test('a worker that ends under load costs its own connections only', async (t) => {
  const originPort = await startHttpOrigin(t, (incoming, outgoing) => {
    incoming.resume();
    incoming.on('end', () => outgoing.end('done'));
  });
  const proxy = await startMortal(t, yamlOf(originPort));
  const { port, admin } = proxy;
  const load = startLoad(t, port, 'web', 8);
  await untilMetrics(admin, (m) => m.sum('response_total', outbound) >= 100);
  const before = await readMetrics(admin);
  await proxy.killWorker();
  const gone = await untilMetrics(admin, (m) => m.sum('heddle_worker_restarts_total') === 1);
  assert.equal(gone.sum('heddle_worker_restarts_total', { reason: 'exception' }), 1);
  assert.equal(gone.sum('heddle_worker_connections_lost_total'), 4);
  const kept = gone.sum('request_total', outbound);
  assert.ok(kept >= before.sum('request_total', outbound), 'what it had counted is kept');
  await untilMetrics(admin, (m) => m.sum('heddle_workers') === 2);
  const wanted = load.answered + 200;
  await untilMetrics(admin, () => load.answered >= wanted);
  // The one that came instead carries traffic too.
  const agents = Array.from({ length: 4 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  for (const agent of agents) await ask(port, '/', { headers: { host: 'web' }, agent });
  const spread = await readMetrics(admin);
  for (const worker of ['0', '1']) {
    assert.ok(spread.sum('heddle_worker_connections', { worker, ...outbound }) >= 2);
  }
  await load.stop();
  for (const agent of agents) agent.destroy();
  assert.ok(load.failures.length <= 4, load.failures.join('\n'));
  for (const failure of load.failures) assert.match(failure, /ECONNRESET|socket hang up/);
  const answered = load.answered - load.failures.length + agents.length;
  const ok = { ...outbound, status_code: '200' };
  const end = await untilMetrics(
    admin,
    (m) => m.sum('tcp_open_connections') === 0 && m.sum('response_total', ok) >= answered,
  );
  assert.ok(end.sum('response_total', ok) <= answered + 4, 'more answers than requests');
  assert.match(
    proxy.logged,
    /ERROR .*a worker has ended and is replaced .*asked to throw.*connections=4/,
  );
});

test('a worker that ends at once after its first answers has told what it counted', async (t) => {
  const originPort = await startHttpOrigin(t, (_, outgoing) => outgoing.end('done'));
  const { port, admin, killWorker } = await startMortal(t, yamlOf(originPort, 1));
  for (let request = 0; request < 3; request++) {
    await ask(port, '/', { headers: { host: 'web' } });
  }
  await killWorker();
  const ended = await untilMetrics(admin, (m) => m.sum('heddle_worker_restarts_total') === 1);
  assert.equal(ended.sum('request_total', outbound), 3);
  assert.equal(ended.sum('response_total', { ...outbound, status_code: '200' }), 3);
  assert.equal(ended.sum('response_latency_ms_count', outbound), 3);
});
