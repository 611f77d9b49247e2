/**
 * Goal: processes on several hosts are one mesh, whose control plane is spoken to in TLS alone.
 * Method: real processes; another host is an address of this machine that is not of the loopback.
 */

import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { ask, startUp } from '../../support/process.ts';
import { createToken, localToken, startClient, waitLong } from '../../support/run-client.ts';
import {
  appCommand,
  appPid,
  freePort,
  joining,
  runCommand,
  startRun,
} from '../../support/run-process.ts';

const host =
  Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address)[0] ?? '';
const skip = host === '' ? 'there is no IPv4 interface beside the loopback' : false;

test('from host to host', { skip }, async (t) => {
  const up = await startUp(t, null, { args: ['--listen', `${host}:0`] });
  const control = `${host}:${up.port('Control plane')}`;
  const token = async (service: string): Promise<Record<string, string>> => {
    const made = await runCommand([...createToken(up), '--service', service]);
    return { HEDDLE_TOKEN: made.out };
  };
  const port = await freePort();
  const args = [...joining(control, port), ...waitLong, '--advertise', host];
  const run = startRun(t, [...args, ...appCommand(`listen=${port}`)], {
    environment: await token('web'),
  });
  await run.events.until(`heddle: joined ${control} as web in demo`);
  const client = await startClient(t, control, await token('default'));
  const headers = { host: 'web:8000' };
  const untilAnswered = async (): Promise<string> => {
    const { status, body } = await ask(client.outbound, '/', { headers });
    if (status === 200) return body;
    if (t.signal.aborted) throw new Error(`${status} ${body}`);
    return untilAnswered();
  };
  assert.equal(await untilAnswered(), String(appPid(run.events)));
  // Its application listens on the loopback: nobody gets there but by the proxy.
  await assert.rejects(fetch(`http://${host}:${port}/`));
  // Who comes in plaintext from elsewhere is told nothing.
  const plain = await runCommand(['endpoints', '--control', control]);
  assert.deepEqual([plain.code, plain.out], [1, '']);
  assert.match(plain.err, /a control plane answers commands on its own host: ask there/);
});

test('a control plane of another mesh gets no word', { skip }, async (t) => {
  const up = await startUp(t, null, { args: ['--listen', `${host}:0`] });
  const stranger = await startUp(t, null);
  const control = `${host}:${up.port('Control plane')}`;
  const args = [...joining(control, await freePort()), '--advertise', host, ...appCommand()];
  const environment = { HEDDLE_TOKEN: localToken(stranger) };
  const run = startRun(t, args, { environment });
  const line = /^(?:heddle: joined|\[.*none of its certificates is one that the token pins)/;
  assert.match(await run.events.until(line), /none of its certificates/);
});
