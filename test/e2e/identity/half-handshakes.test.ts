/**
 * Class 40: 10 000 clients that begin a handshake and say nothing more cost little, keep nobody
 * else from being served, and are ended by the limit of a handshake. Method: another process opens
 * them to a real inbound listener, for which time stands still until all are there.
 */

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { meshName } from '../../support/certificates.ts';
import { cleanUp } from '../../support/cleanup.ts';
import { mesh, serverName, startInboundMesh } from '../../support/inbound-mesh.ts';
import { untilQuiet } from '../../support/proxy-harness.ts';
import { memoryInUse } from '../../support/siege.ts';
import { dialTls, helloFor } from '../../support/tls-client.ts';
import { untilTurn } from '../../support/turns.ts';

const count = 10_000;

test('10 000 half handshakes at once', { skip: explainTooFew() }, async (t) => {
  const inbound = await startInboundMesh((app) => {
    app.socket.on('data', () => app.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'));
  });
  const { harness } = inbound;
  cleanUp(t, () => inbound.close());
  harness.stopTime();
  const failures = (): number =>
    harness.metric('heddle_tls_handshake_failures_total', { reason: 'timeout' });
  const askAsBystander = async (): Promise<void> => {
    const identity = mesh.identity(meshName('alice'));
    const wire = await dialTls(harness.inboundPort, { serverName, identity });
    wire.write('GET / HTTP/1.1\r\nhost: web\r\n\r\n');
    assert.match(await wire.readResponse(), /^HTTP\/1.1 200 OK/);
    wire.destroy();
  };
  const memory = memoryInUse();
  const others = startOthers(t, harness.inboundPort, await helloFor(serverName));
  await others.until('answered');
  assert.equal(harness.metric('tcp_open_connections', { peer: 'src' }), count);
  assert.ok((memoryInUse() - memory) / count < 8 * 1024, 'of JavaScript and of its buffers, each');
  await askAsBystander();
  assert.equal(failures(), 0);
  harness.passTime(11_000);
  await others.until('ended');
  assert.equal(failures(), count);
  await askAsBystander();
  for (const app of inbound.origin.connections) app.destroy();
  await untilQuiet(harness);
});

function startOthers(t: TestContext, port: number, hello: string) {
  const path = new URL('../../support/half-handshakes.ts', import.meta.url);
  const child = fork(path, [String(port), String(count)]);
  const said: unknown[] = [];
  const ended = once(child, 'exit');
  child.on('message', (message) => said.push(message));
  child.send(hello);
  cleanUp(t, async () => {
    child.disconnect();
    await ended;
  });
  return {
    until: (word: string) =>
      untilTurn(`${word}; ${said.join(' ')}`, () => said.includes(word), limitMs),
  };
}

/** Why this process cannot hold so many connections. */
function explainTooFew(): string | false {
  const needed = count + 1000;
  const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  if (limit === undefined || Number(limit) >= needed) return false;
  return `needs ${needed} descriptors, has ${limit} (ulimit -Hn)`;
}

const limitMs = 50_000;
