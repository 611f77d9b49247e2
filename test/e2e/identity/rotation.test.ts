/**
 * Goal: a root is replaced while requests go on and a stream stays open, and nobody notices.
 * Method: a real control plane, two processes of `heddle run` that speak in mutual TLS, a load, one
 * response that never ends, and a rotation that is asked for.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cleanUp } from '../../support/cleanup.ts';
import { ControlClient } from '../../support/control-client.ts';
import { ask, startLoad, startUp } from '../../support/process.ts';
import { appCommand, controlOf, joining, startRun } from '../../support/run-process.ts';

test('no request fails and no stream ends while a root is replaced', async (t) => {
  const up = await startUp(t, null);
  const control = controlOf(up);
  const tokenFile = join(up.folder, 'state/local.token');
  const environment = { HEDDLE_TOKEN: readFileSync(tokenFile, 'utf8') };
  const app = await startApp(t);
  const server = startRun(t, [...joining(control, app.port), ...appCommand()], { environment });
  const client = startRun(t, ['--control', control, ...appCommand('say=HEDDLE_OUTBOUND')], {
    environment,
  });
  await server.events.until(/^heddle: joined/);
  const outbound = Number((await client.events.until(/^127\.0\.0\.1:\d+$/)).split(':')[1]);
  const authority = new ControlClient(t, control);
  const heard = authority.trust({ workload: 'the test' });
  await untilServed(t, outbound);
  const load = startLoad(t, outbound, host, 2, 5);
  const stream = await openStream(t, outbound);
  const before = (await heard.message(1)) as unknown as Trust;
  await authority.ask(service, 'Rotate', { token: environment.HEDDLE_TOKEN.trim() });
  const distributed = (await heard.message(2, rotationMs)) as unknown as Trust;
  assert.deepEqual([distributed.trust_bundle.length, distributed.issuer], [2, before.issuer]);
  const switched = (await heard.message(3, rotationMs)) as unknown as Trust;
  assert.equal(switched.bundle, distributed.bundle);
  assert.notEqual(switched.issuer, before.issuer);
  const retired = (await heard.message(4, rotationMs)) as unknown as Trust;
  assert.deepEqual([retired.trust_bundle.length, retired.issuer], [1, switched.issuer]);
  assert.notDeepEqual(retired.trust_bundle, before.trust_bundle);
  // By what is new alone.
  for (const until = load.answered + 200; load.answered < until; ) await ask(outbound, '/', asWeb);
  await load.stop();
  assert.deepEqual(load.failures, []);
  const more = once(stream, 'data');
  app.write('still here');
  assert.match(String(await more), /still here/);
});

interface Trust {
  readonly trust_bundle: readonly Buffer[];
  readonly bundle: string;
  readonly issuer: string;
}

const service = 'heddle.identity.v1.Authority';
const host = 'web.demo:8000';
const asWeb = { headers: { host } };
/** Of each of its steps. */
const rotationMs = 25_000;

/** Its endpoint is announced when its application's port has answered. */
async function untilServed(t: TestContext, outbound: number): Promise<void> {
  for (;;) {
    const { status } = await ask(outbound, '/', asWeb);
    if (status === 200) return;
    if (t.signal.aborted) assert.fail(`the last answer had status ${status}`);
  }
}

/** What stands behind the proxy, in this process: the application beside it only has to run. */
async function startApp(t: TestContext) {
  const streams = new Set<ServerResponse>();
  const server = createServer((asked, response) => {
    if (asked.url !== '/stream') {
      response.end('ok');
      return;
    }
    streams.add(response);
    response.write('first');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    write: (text: string) => {
      for (const stream of streams) stream.write(text);
    },
  };
}

async function openStream(t: TestContext, port: number): Promise<IncomingMessage> {
  const sent = request({ host: '127.0.0.1', port, path: '/stream', ...asWeb });
  sent.end();
  cleanUp(t, () => sent.destroy());
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  await once(response, 'data');
  return response;
}
