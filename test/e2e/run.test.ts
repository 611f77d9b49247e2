/**
 * Goal: an application that was joined by `heddle run` ends as it would have without it, and the
 * mesh hears of it first. Method: real processes of the executable, its proxy and an application,
 * and a registry that writes down what it hears.
 */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Events } from '../support/events.ts';
import { ask, startHttpOrigin } from '../support/process.ts';
import { startRegistry } from '../support/registry.ts';
import {
  appCommand,
  appPid,
  childOf,
  freePort,
  joining,
  nobody,
  startRun,
  tokenOfTest,
} from '../support/run-process.ts';

test('a client: exit codes and signals are the application’s', async (t) => {
  const rows: [string, readonly [number | null, NodeJS.Signals | null]][] = [
    ['exit 0', [0, null]],
    ['exit 7', [7, null]],
    ['kill -TERM $$', [null, 'SIGTERM']],
    ['kill -KILL $$', [null, 'SIGKILL']],
  ];
  await Promise.all(
    rows.map(async ([script, expected]) => {
      const run = startRun(t, [...nobody, '--', 'sh', '-c', script]);
      assert.deepEqual(await run.ended, expected, script);
      assert.deepEqual(readdirSync(join(run.stateFolder, 'run')), []);
    }),
  );
  const missing = startRun(t, [...nobody, 'there-is-no-such-command']);
  assert.deepEqual(await missing.ended, [127, null]);
  await missing.events.until('heddle: there-is-no-such-command: there is no such command');
});

test('the application is told of its proxy, and not of the token', async (t) => {
  const names = ['http_proxy', 'HTTPS_PROXY', 'no_proxy', 'NODE_USE_ENV_PROXY', 'HEDDLE_OUTBOUND'];
  const ours = ['HEDDLE_SERVICE', 'HEDDLE_NAMESPACE', 'HEDDLE_TOKEN', 'NODE_COMPILE_CACHE'];
  const words = [...names, ...ours].map((name) => `say=${name}`);
  const run = startRun(t, ['--namespace', 'demo', ...nobody, ...appCommand(...words)], {
    environment: { no_proxy: 'db.internal, localhost', NODE_COMPILE_CACHE: '' },
  });
  await run.events.until(/^running/);
  const [proxy, secure, direct, isNode, outbound, ...rest] = run.events.all.filter(isSaid);
  assert.match(proxy, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.equal(secure, proxy);
  assert.equal(direct, 'localhost,127.0.0.1,::1,db.internal');
  assert.equal(isNode, '1');
  assert.equal(`http://${outbound}`, proxy);
  assert.deepEqual(rest.slice(0, 4), ['', 'demo', '', '']);
  process.kill(run.pid, 'SIGTERM');
  assert.deepEqual(await run.ended, [null, 'SIGTERM']);
});

test('announced when the port answers, withdrawn before the signal', async (t) => {
  const events = new Events();
  const registry = await startRegistry(t, events.add, { warning: 'old' });
  const origin = await startHttpOrigin(t, (_request, response) => response.end('there'));
  const port = await freePort();
  const command = appCommand(`listen=${port}`, `call=SIGTERM:http://127.0.0.1:${origin}/`);
  const run = startRun(t, [...joining(registry.address, port), ...command], { events });
  await events.until('serving');
  await events.until(`heddle: ${registry.address} warns: old`);
  assert.ok(events.index('listening') < events.index('serving'));
  const [registration] = registry.registrations;
  const { namespace, service, servicePort, protocol, zone, weight, token } = registration;
  assert.deepEqual(
    [namespace, service, servicePort, protocol, zone, weight, token],
    ['demo', 'web', 8000, 'http1', 'a', 10_000, tokenOfTest],
  );
  assert.deepEqual(registration.address?.ip?.ip, { case: 'ipv4', value: 0x7f000001 });
  const inbound = await ask(registration.address?.port ?? 0, '/');
  assert.equal(inbound.body, String(appPid(events)));
  process.kill(run.pid, 'SIGTERM');
  assert.deepEqual(await run.ended, [0, null]);
  const order = ['listening', 'serving', 'not serving', 'left', 'SIGTERM', 'called 200'];
  const seen = events.all.slice(events.index('listening')).filter((one) => order.includes(one));
  assert.deepEqual(seen, order, events.all.join('\n'));
  assert.deepEqual(readdirSync(join(run.stateFolder, 'run')), []);
});

test('a crash of the application withdraws it, and is ours', async (t) => {
  const events = new Events();
  const registry = await startRegistry(t, events.add);
  const port = await freePort();
  const command = appCommand(`listen=${port}`);
  const run = startRun(t, [...joining(registry.address, port), ...command], { events });
  await events.until('serving');
  process.kill(appPid(events), 'SIGKILL');
  assert.deepEqual(await run.ended, [null, 'SIGKILL']);
  await events.until('not serving', events.index('serving'));
});

test('a crash of the proxy leaves the application alone, and the endpoint returns', async (t) => {
  const events = new Events();
  const registry = await startRegistry(t, events.add);
  const port = await freePort();
  const command = appCommand(`listen=${port}`, 'end=SIGTERM:3');
  const run = startRun(t, [...joining(registry.address, port), ...command], { events });
  await events.until('serving');
  const crashed = childOf(run.pid, 'proxy');
  process.kill(crashed, 'SIGKILL');
  await events.until('heddle: the proxy is back');
  await events.until('serving', events.all.lastIndexOf('not serving'));
  assert.notEqual(childOf(run.pid, 'proxy'), crashed);
  const [registration] = registry.registrations;
  assert.equal(registry.registrations.length, 1);
  const inbound = await ask(registration.address?.port ?? 0, '/');
  assert.equal(inbound.body, String(appPid(events)), 'on its port of before');
  process.kill(run.pid, 'SIGTERM');
  assert.deepEqual(await run.ended, [3, null]);
});

/** By the application, not by us or the proxy. */
function isSaid(line: string): boolean {
  return !line.startsWith('[') && !line.startsWith('heddle: ');
}
