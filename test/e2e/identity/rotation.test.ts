/**
 * Goal: a root is replaced while requests go on and a stream stays open, and nobody notices.
 * Method: a real control plane, two processes of `heddle run` that speak in mutual TLS, a load, one
 * response that never ends, and a rotation that is asked for.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cleanUp } from '../../support/cleanup.ts';
import { ControlClient } from '../../support/control-client.ts';
import { ask, startLoad, startUp } from '../../support/process.ts';
import { appCommand, controlOf, joining, startRun } from '../../support/run-process.ts';

interface Status {
  readonly phase: string;
  readonly bundle: string;
  readonly anchors: readonly { readonly role: string }[];
  readonly unconfirmed?: readonly string[];
  readonly issuer: { readonly chain: readonly Buffer[] };
}

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
  const before = await statusOf(authority);
  await untilServed(t, outbound);
  const load = startLoad(t, outbound, 'web.demo:8000', 2, 5);
  const stream = await openStream(t, outbound);
  await authority.ask(service, 'Rotate', { token: environment.HEDDLE_TOKEN.trim() });
  const phases = new Set<string>();
  let status = await statusOf(authority);
  for (; status.phase !== 'idle'; status = await statusOf(authority)) {
    if (t.signal.aborted) assert.fail(`${status.phase}: ${status.unconfirmed?.join()}`);
    phases.add(status.phase);
    await new Promise((resume) => setTimeout(resume, 100));
  }
  assert.deepEqual([...phases], ['distribute', 'switch']);
  assert.notEqual(status.bundle, before.bundle);
  assert.equal(status.anchors.length, 1);
  assert.notDeepEqual(status.issuer.chain, before.issuer.chain);
  // New connections are made by what is new alone.
  const answered = load.answered;
  app.closeIdle();
  while (load.answered < answered + 200) await new Promise((resume) => setTimeout(resume, 20));
  await load.stop();
  assert.deepEqual(load.failures, []);
  const got = stream.bytes();
  app.write('still here');
  while (stream.bytes() === got) await new Promise((resume) => setTimeout(resume, 20));
  assert.equal(stream.isOpen(), true);
});

const service = 'heddle.identity.v1.Authority';

async function statusOf(client: ControlClient): Promise<Status> {
  return (await client.ask(service, 'Status', {})) as unknown as Status;
}

/** Its endpoint is announced when its application's port has answered. */
async function untilServed(t: TestContext, outbound: number): Promise<void> {
  for (;;) {
    const { status } = await ask(outbound, '/', { headers: { host: 'web.demo:8000' } });
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
    closeIdle: () => server.closeIdleConnections(),
    write: (text: string) => {
      for (const stream of streams) stream.write(text);
    },
  };
}

async function openStream(t: TestContext, outbound: number) {
  const headers = { host: 'web.demo:8000' };
  const sent = request({ host: '127.0.0.1', port: outbound, path: '/stream', headers });
  sent.on('error', () => undefined);
  sent.end();
  const [response] = (await once(sent, 'response')) as [
    NodeJS.ReadableStream & { complete: boolean },
  ];
  let bytes = 0;
  let isOpen = true;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  for (const event of ['end', 'error', 'close']) {
    response.on(event, () => {
      isOpen = false;
    });
  }
  cleanUp(t, () => sent.destroy());
  return { bytes: () => bytes, isOpen: () => isOpen };
}
