/**
 * Goal: a signal ends a proxy in the promised order and within the promised time. Method: the
 * executable with an origin that answers when the test says so; the log tells the stages.
 */

import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { dial, untilEnd } from '../../support/dial.ts';
import {
  ask,
  begin,
  keepOne,
  ownHost,
  startHttpOrigin,
  startProxy,
} from '../../support/process.ts';

/** `/held` is answered by `release`, everything else at once. */
async function startHeldOrigin(t: TestContext) {
  const held: ServerResponse[] = [];
  let onHeld = Promise.withResolvers<void>();
  const port = await startHttpOrigin(t, (incoming, outgoing) => {
    if (incoming.url !== '/held') {
      outgoing.end('quick');
      return;
    }
    held.push(outgoing);
    onHeld.resolve();
    onHeld = Promise.withResolvers<void>();
  });
  return {
    port,
    /** Resolves when the next held request has come. */
    untilHeld: () => onHeld.promise,
    release: () => {
      for (const outgoing of held.splice(0)) outgoing.end('at last');
    },
  };
}

function yamlOf(originPort: number, proxy: string, outbound = '127.0.0.1:0'): string {
  return `
services: { web: { port: 80, endpoints: [127.0.0.1:${originPort}] } }
proxy:
  outbound: ${outbound}
  inbound: ${ownHost}:0
  inboundTo: 127.0.0.1:${originPort}
  admin: 127.0.0.1:0
  workers: 1
  ${proxy}
`;
}

const stages = [
  'not ready any more',
  'inbound accepts no more',
  'outbound stays until it is quiet',
  'outbound accepts no more',
  'drained',
];

test('what runs is finished, then idle connections end, then quiet outbound', async (t) => {
  const origin = await startHeldOrigin(t);
  const proxy = await startProxy(t, yamlOf(origin.port, 'announceMs: 200'));
  const inbound = proxy.port('Inbound interface');
  const outbound = proxy.port('Outbound interface');
  const idle = await dial({ host: ownHost, port: inbound });
  const idleEnded = untilEnd(idle);
  const coming = origin.untilHeld();
  const answer = ask(inbound, '/held', { host: ownHost, agent: keepOne(t) });
  await coming;
  await ask(outbound, '/', { headers: { host: 'web' } });

  proxy.signal('SIGTERM');
  await proxy.untilSaid(stages[0]);
  const agent = keepOne(t);
  const announced = await ask(inbound, '/', { host: ownHost, agent });
  assert.equal(announced.status, 200);
  assert.equal(announced.headers.connection, 'close');
  const ready = await ask(proxy.port('Admin interface'), '/ready');
  assert.equal(ready.status, 503);
  assert.equal((await ask(proxy.port('Admin interface'), '/live')).status, 200);

  await proxy.untilSaid(stages[1]);
  await assert.rejects(dial({ host: ownHost, port: inbound }), { code: 'ECONNREFUSED' });
  origin.release();
  const { status, headers, body } = await answer;
  assert.deepEqual([status, headers.connection, body], [200, 'close', 'at last']);
  assert.equal(await idleEnded, 'closed');

  await proxy.untilSaid(stages[2]);
  assert.equal((await ask(outbound, '/', { headers: { host: 'web' } })).status, 200);
  const { code, said } = await proxy.ended;
  assert.equal(code, 0, said);
  const places = stages.map((stage) => said.indexOf(stage));
  assert.ok(!places.includes(-1), said);
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
  assert.doesNotMatch(said, /reset/);
});

test('outbound waits for requests in flight, not for idle connections', async (t) => {
  const origin = await startHeldOrigin(t);
  const proxy = await startProxy(t, yamlOf(origin.port, 'announceMs: 0\n  graceMs: 8000'));
  const coming = origin.untilHeld();
  const options = { headers: { host: 'web' }, agent: keepOne(t) };
  const answer = ask(proxy.port('Outbound interface'), '/held', options);
  await coming;
  proxy.signal('SIGINT');
  await proxy.untilSaid(stages[2]);
  origin.release();
  assert.equal((await answer).body, 'at last');
  const { code, said } = await proxy.ended;
  assert.equal(code, 0, said);
  assert.doesNotMatch(said, /reset/);
});

for (const [name, announce] of [
  ['while it announces', 'announceMs: 20000'],
  ['while requests run', 'announceMs: 0'],
] as const) {
  test(`a second signal forces ${name}`, async (t) => {
    const origin = await startHeldOrigin(t);
    const proxy = await startProxy(t, yamlOf(origin.port, announce, 'false'));
    const coming = origin.untilHeld();
    const answer = ask(proxy.port('Inbound interface'), '/held', { host: ownHost });
    const refused = assert.rejects(answer, { code: 'ECONNRESET' });
    await coming;
    proxy.signal('SIGTERM');
    await proxy.untilSaid(announce.endsWith(' 0') ? stages[1] : stages[0]);
    proxy.signal('SIGTERM');
    await refused;
    const { code, said } = await proxy.ended;
    assert.equal(code, 0, said);
    assert.match(said, /what is left is reset inbound=1/);
  });
}

test('--grace bounds everything', async (t) => {
  const origin = await startHeldOrigin(t);
  const yaml = yamlOf(origin.port, 'announceMs: 0');
  const proxy = await startProxy(t, yaml, { args: ['--grace', '300ms'] });
  const coming = origin.untilHeld();
  const agent = keepOne(t);
  const response = begin(proxy.port('Inbound interface'), '/held', { host: ownHost, agent });
  const refused = assert.rejects(response, { code: 'ECONNRESET' });
  await coming;
  proxy.signal('SIGTERM');
  await refused;
  const { code, said } = await proxy.ended;
  assert.equal(code, 0, said);
  assert.match(said, /what is left is reset inbound=1/);
});

test('a proxy that has carried nothing waits for nothing', async (t) => {
  // Waiting for 3 s of quiet would be ended by the grace time.
  const yaml = 'proxy: { outbound: 127.0.0.1:0, admin: false, announceMs: 0, graceMs: 2000 }';
  for (const workers of ['0', '1']) {
    const proxy = await startProxy(t, yaml, { args: ['--workers', workers] });
    proxy.signal('SIGINT');
    const { code, said } = await proxy.ended;
    assert.equal(code, 0, said);
    assert.doesNotMatch(said, /reset/);
  }
});
