/**
 * Goal: a process joins what control planes there are, whenever there are some, and runs without.
 * Method: real processes; control planes that are killed, refuse, or are silent.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { Events } from '../support/events.ts';
import { startHttpOrigin, startUp } from '../support/process.ts';
import { startRegistry } from '../support/registry.ts';
import {
  appCommand,
  controlOf,
  freePort,
  joining,
  runCommand,
  startRun,
} from '../support/run-process.ts';

test('a control plane that is started again has its processes back', async (t) => {
  const first = await startUp(t, null);
  const control = controlOf(first);
  const tokenFile = join(first.folder, 'state/local.token');
  const port = await freePort();
  const args = [...joining(control, port), '--token-file', tokenFile];
  const run = startRun(t, [...args, ...appCommand(`listen=${port}`)]);
  await run.events.until(`heddle: joined ${control} as web in demo`);
  first.signal('SIGKILL');
  await first.ended;
  await run.events.until(/^heddle: no control plane at .*, trying on: UNAVAILABLE/);
  const from = run.events.all.length;
  await startUp(t, null, { folder: first.folder, args: ['--listen', control] });
  await run.events.until(`heddle: joined ${control} as web in demo`, from);
  const there = await runCommand(['wait', 'web.demo', '--control', control, '--timeout', '20s']);
  assert.deepEqual(there, { code: 0, out: '', err: '' });
});

test('without the right to the name the application runs all the same', async (t) => {
  const up = await startUp(t, null);
  const control = controlOf(up);
  const port = await freePort();
  const state = join(up.folder, 'state');
  const other = await runCommand(['token', 'create', '--service', 'users', '--state-dir', state]);
  const rows: [string, RegExp][] = [
    [
      other.out,
      /PERMISSION_DENIED: the token is for service users in namespace default, not for web/,
    ],
    ['of another making', /UNAUTHENTICATED: the token is not one of heddle's/],
  ];
  for (const [token, expected] of rows) {
    const environment = { HEDDLE_TOKEN: token };
    const run = startRun(t, [...joining(control, port), ...appCommand()], { environment });
    await run.events.until(/^running/);
    await run.events.until(expected);
    process.kill(run.pid, 'SIGTERM');
    assert.deepEqual(await run.ended, [null, 'SIGTERM']);
    assert.equal(run.events.all.filter((one) => expected.test(one)).length, 1);
  }
  const open = join(up.folder, 'open.token');
  writeFileSync(open, readFileSync(join(state, 'local.token')));
  chmodSync(open, 0o644);
  const args = [...joining(control, port), '--token-file', open];
  const run = startRun(t, [...args, '--', 'sleep', '60']);
  await run.events.until(/is not announced at .*open\.token: can be used by others: chmod 600/);
  process.kill(run.pid, 'SIGTERM');
  await run.ended;
});

test('a silent control plane holds the application up for a bounded time', async (t) => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port: silent } = server.address() as { port: number };
  const port = await freePort();
  const run = startRun(t, [...joining(`127.0.0.1:${silent}`, port), ...appCommand()]);
  await run.events.until(/^running/);
  await run.events.until(/^heddle: the proxy is not (ready|up) after 0\.5 s/);
  process.kill(run.pid, 'SIGTERM');
  assert.deepEqual(await run.ended, [null, 'SIGTERM']);
});

test('it serves when the path is good, not when the port accepts', async (t) => {
  const events = new Events();
  const registry = await startRegistry(t, events.add);
  let status = 503;
  const asked: (string | undefined)[] = [];
  const port = await startHttpOrigin(t, ({ url }, response) => {
    asked.push(url);
    if (asked.length === 3) status = 200;
    response.statusCode = status;
    response.end();
  });
  const args = [...joining(registry.address, port), '--health', 'GET:/healthz?deep=1'];
  const run = startRun(t, [...args, ...appCommand()], { events });
  await events.until('serving');
  assert.deepEqual(asked.slice(0, 3), ['/healthz?deep=1', '/healthz?deep=1', '/healthz?deep=1']);
  status = 500;
  await events.until(/^heddle: port \d+ does not answer any more: withdrawn meanwhile/);
  await events.until('not serving', events.index('serving'));
  process.kill(run.pid, 'SIGTERM');
  await run.ended;
});

test('all control planes are told, and one that is not there holds nobody up', async (t) => {
  const events = new Events();
  const registries = await Promise.all(
    ['a', 'b'].map((name) => startRegistry(t, (event) => events.add(`${name} ${event}`))),
  );
  const port = await freePort();
  const [a, b] = registries.map(({ address }) => address);
  const controls = `${a},127.0.0.1:1,${b},${a}`;
  const command = appCommand(`listen=${port}`, 'end=SIGTERM:2');
  const run = startRun(t, [...joining(controls, port), ...command], { events });
  await Promise.all([events.until('a serving'), events.until('b serving')]);
  await events.until(/^heddle: no control plane at 127\.0\.0\.1:1, trying on: UNAVAILABLE/);
  const [first, ...others] = registries.flatMap(({ registrations }) => registrations);
  assert.deepEqual(
    others.map(({ instance }) => instance),
    [first.instance],
  );
  process.kill(run.pid, 'SIGTERM');
  assert.deepEqual(await run.ended, [2, null]);
  for (const heard of ['a left', 'b left']) {
    assert.ok(events.index(heard) >= 0 && events.index(heard) < events.index('SIGTERM'), heard);
  }
});
