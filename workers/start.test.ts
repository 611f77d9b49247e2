/**
 * Goal: a proxy as a whole accepts, stops accepting and ends as it should. Method: real threads
 * that echo, real sockets; its log says when something has happened.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { ask, dial, untilEnd } from '../test/support/dial.ts';
import { echoYaml, startEchoProxy } from '../test/support/echo-proxy.ts';
import { readMetrics } from '../test/support/process.ts';

test('over --max-connections clients wait in the backlog until others have gone', async () => {
  const echo = await startEchoProxy({ maxConnections: 2 });
  try {
    const first = await dial(echo.outbound);
    const second = await dial(echo.inbound);
    assert.equal(await ask(first, 'a'), 'a');
    assert.equal(await ask(second, 'b'), 'b');
    await echo.untilLogged('accepting is paused');
    const third = await dial(echo.outbound);
    const answer = ask(third, 'c');
    assert.equal(await ask(first, 'still'), 'still');
    first.destroy();
    assert.equal(await answer, 'c');
    await echo.untilLogged('accepting again');
    second.destroy();
    third.destroy();
    const metrics = await fetch(`http://127.0.0.1:${echo.admin.port}/metrics`);
    assert.match(await metrics.text(), /heddle_accept_pauses_total\{reason="connections"\} [1-9]/);
  } finally {
    await echo.stop();
  }
});

test('a worker that dies under a pause is replaced and its count is gone', async () => {
  const echo = await startEchoProxy({ maxConnections: 1 });
  try {
    const first = await dial(echo.outbound);
    assert.equal(await ask(first, 'a'), 'a');
    const second = await dial(echo.outbound);
    const answer = ask(second, 'b');
    const ended = untilEnd(first);
    first.write('exception');
    await ended;
    assert.equal(await answer, 'b');
    second.destroy();
    const line = await echo.untilLogged('a worker has ended');
    assert.match(line, /reason=exception .*asked to throw.* connections=1/);
  } finally {
    await echo.stop();
  }
});

test('the drain ends inbound first, then outbound', async () => {
  const echo = await startEchoProxy();
  try {
    const inbound = await dial(echo.inbound);
    const outbound = await dial(echo.outbound);
    await ask(inbound, 'a');
    await ask(outbound, 'b');
    echo.proxy.drain();
    await echo.untilLogged('inbound accepts no more');
    await assert.rejects(dial(echo.inbound), { code: 'ECONNREFUSED' });
    const ready = await fetch(`http://127.0.0.1:${echo.admin.port}/ready`);
    assert.equal(ready.status, 503);
    assert.equal(await ask(inbound, 'still'), 'still');
    assert.equal(await ask(outbound, 'busy'), 'busy');
    inbound.destroy();
    await echo.untilLogged('outbound stays until it is quiet');
    const late = await dial(echo.outbound);
    assert.equal(await ask(late, 'c'), 'c');
    late.destroy();
    const ended = untilEnd(outbound);
    echo.proxy.drain();
    assert.equal(await ended, 'ECONNRESET');
    await echo.proxy.ended;
    await assert.rejects(dial(echo.outbound), { code: 'ECONNREFUSED' });
  } finally {
    await echo.stop();
  }
});

test('the grace time forces', async () => {
  const echo = await startEchoProxy({ graceMs: 100 });
  try {
    const inbound = await dial(echo.inbound);
    await ask(inbound, 'a');
    const ended = untilEnd(inbound);
    echo.proxy.drain();
    assert.equal(await ended, 'ECONNRESET');
    await echo.proxy.ended;
  } finally {
    await echo.stop();
  }
});

test('reuseport: workers accept by themselves, pause and drain', async () => {
  const echo = await startEchoProxy({ accept: 'reuseport', workers: 2, maxConnections: 1 });
  try {
    const clients: Socket[] = [];
    const inbound = await dial(echo.inbound);
    assert.match(await ask(inbound, 'who'), /^worker [01]$/);
    clients.push(inbound);
    assert.match(await echo.untilLogged('accepting is paused'), / worker=[01] reason=connections /);
    const port = echo.admin.port;
    const paused = await readMetrics(port);
    assert.equal(paused.sum('heddle_accept_paused', { reason: 'connections' }), 1);
    assert.equal(paused.sum('heddle_accept_pauses_total', { reason: 'connections' }), 1);
    inbound.destroy();
    await echo.untilLogged('accepting again');
    assert.equal((await readMetrics(port)).sum('heddle_accept_paused'), 0);
    const next = await dial(echo.outbound);
    assert.equal(await ask(next, 'x'), 'x');
    echo.proxy.drain();
    await echo.untilLogged('outbound stays until it is quiet');
    next.destroy();
  } finally {
    await echo.stop();
  }
});

test('reuseport: the pause of a worker ends with it', async () => {
  const echo = await startEchoProxy({ accept: 'reuseport', workers: 1, maxConnections: 1 });
  try {
    const first = await dial(echo.outbound);
    assert.equal(await ask(first, 'a'), 'a');
    await echo.untilLogged('accepting is paused');
    const ended = untilEnd(first);
    first.write('exception');
    await ended;
    await echo.untilLogged('a worker has ended');
    const metrics = await readMetrics(echo.admin.port);
    assert.equal(metrics.sum('heddle_accept_paused'), 0);
    assert.equal(metrics.sum('heddle_accept_pauses_total'), 1);
  } finally {
    await echo.stop();
  }
});

test('a port that is taken is named with its setting, and the others are given back', async () => {
  const other = createServer();
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const taken = other.address();
  assert.ok(taken !== null && typeof taken === 'object');
  const address = { host: '127.0.0.1', port: taken.port };
  await assert.rejects(startEchoProxy({ inbound: address }), {
    name: 'ListenError',
    message: /^proxy\.inbound: cannot listen on 127\.0\.0\.1:\d+: another process/,
  });
  other.close();
});

test('a changed file applies, a broken one is refused and shown, both are told', async () => {
  const echo = await startEchoProxy();
  try {
    const readConfig = async (): Promise<{ problems: string[]; restart: string[] }> => {
      const response = await fetch(`http://127.0.0.1:${echo.admin.port}/config`);
      return (await response.json()) as { problems: string[]; restart: string[] };
    };
    echo.configure(echoYaml.replace('services:', 'servces:'));
    await echo.untilLogged('the change is refused');
    assert.match(
      (await readConfig()).problems.join('\n'),
      /heddle\.yaml:\d+:\d+: servces: unknown/,
    );
    echo.configure(echoYaml.replace('services:', 'services:\n  web: { port: nonsense }'));
    await echo.untilLogged('an entry is refused, the others apply');
    assert.match((await readConfig()).problems.join('\n'), /heddle\.yaml:\d+:\d+: services\.web/);
    echo.configure(echoYaml.replace('announceMs: 0', 'announceMs: 0\n  maxConnections: 5'));
    await echo.untilLogged('is applied');
    const shown = await readConfig();
    assert.deepEqual(shown.problems, []);
    assert.deepEqual(shown.restart, ['maxConnections']);
  } finally {
    await echo.stop();
  }
});
