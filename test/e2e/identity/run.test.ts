/**
 * Goal: what joins by `heddle run` talks by mutual TLS without a word of configuration, also from
 * host to host, and the commands say so. Method: real processes; another host is an address of this
 * machine that is not of the loopback.
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ask, type ProxyProcess, startUp } from '../../support/process.ts';
import {
  appCommand,
  appPid,
  controlOf,
  freePort,
  joining,
  type RunProcess,
  runCommand,
  startRun,
} from '../../support/run-process.ts';

const suffix = 'serviceaccount.identity.heddle.mesh.local';
const waitLong = ['--wait', '20s'];

test('what has joined is encrypted, and the commands say by whom', async (t) => {
  const up = await startUp(t, null);
  const control = controlOf(up);
  const environment = { HEDDLE_TOKEN: localToken(up) };
  const port = await freePort();
  const args = [...joining(control, port), ...waitLong, ...appCommand(`listen=${port}`)];
  const run = startRun(t, args, { environment });
  await run.events.until(/^heddle: joined/);
  const client = await startClient(t, control, environment);
  await untilServed(control);
  const answer = await ask(client.outbound, '/', { headers: { host: 'web:8000' } });
  assert.deepEqual([answer.status, answer.body], [200, String(appPid(run.events))]);

  const at = ['--control', control, '-o', 'json'];
  const edges = await runCommand(['edges', 'web', ...at]);
  const [edge, ...others] = JSON.parse(edges.out) as Record<string, unknown>[];
  assert.deepEqual(others, [], edges.out);
  const { dst, client_id, server_id, secured, no_tls_reason } = edge;
  assert.deepEqual(
    { dst, client_id, server_id, secured, no_tls_reason },
    {
      dst: 'web',
      client_id: `default.demo.${suffix}`,
      server_id: `web.demo.${suffix}`,
      secured: true,
      no_tls_reason: '',
    },
  );
  const identity = await runCommand(['identity', ...at]);
  const served = JSON.parse(identity.out) as { identity: string; problem: string; root: string }[];
  assert.deepEqual([identity.code, identity.err], [0, '']);
  assert.deepEqual(
    served.map((one) => [one.identity, one.problem, one.root?.length]),
    ['default', 'web'].map((account) => [`${account}.demo.${suffix}`, '', 64]),
  );
  const check = await runCommand(['check', ...at]);
  const { categories } = JSON.parse(check.out) as { categories: Category[] };
  const checks = categories.find(({ categoryName }) => categoryName === 'identity')?.checks ?? [];
  assert.ok(checks.length > 5 && checks.every(({ result }) => result === 'success'), check.out);

  for (const { pid } of [run, client]) process.kill(pid, 'SIGTERM');
  await Promise.all([run.ended, client.ended]);
  for (const { stateFolder } of [run, client]) {
    assert.deepEqual(readdirSync(join(stateFolder, 'run')), [], 'nor a token stays behind');
  }
});

test('without a certificate the application starts late, and is told why', async (t) => {
  const up = await startUp(t, null);
  const control = controlOf(up);
  const other = await runCommand([...createToken(up), '--service', 'users']);
  const port = await freePort();
  const args = [...joining(control, port), '--wait', '4s', ...appCommand(`listen=${port}`)];
  const run = startRun(t, args, { environment: { HEDDLE_TOKEN: other.out } });
  const line = await run.events.until(/^heddle: the proxy is not ready after 4 s/);
  assert.match(line, /PERMISSION_DENIED: the token is for service users .*, starting /);
  await run.events.until(/^running/);
  process.kill(run.pid, 'SIGTERM');
  await run.ended;
});

test('from host to host', async (t) => {
  const [host] = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address);
  if (host === undefined) {
    t.skip('there is no IPv4 interface beside the loopback');
    return;
  }
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

  // Another mesh: its token pins another root.
  const stranger = await startUp(t, null);
  const foreign = startRun(t, [...args, ...appCommand()], {
    environment: { HEDDLE_TOKEN: localToken(stranger) },
  });
  await foreign.events.until(/^(?:heddle: joined|\[.*none of its certificates is one that)/);
  assert.ok(!foreign.events.all.some((one) => one.startsWith('heddle: joined')));
});

interface Category {
  readonly categoryName: string;
  readonly checks: readonly { readonly result: string }[];
}

interface Client extends RunProcess {
  readonly outbound: number;
}

async function startClient(
  t: TestContext,
  control: string,
  environment: Readonly<Record<string, string>>,
): Promise<Client> {
  const args = ['--namespace', 'demo', '--control', control, ...waitLong];
  const run = startRun(t, [...args, ...appCommand('say=HEDDLE_OUTBOUND')], { environment });
  const outbound = await run.events.until(/^127\.0\.0\.1:\d+$/);
  return { ...run, outbound: Number(outbound.split(':')[1]) };
}

async function untilServed(control: string): Promise<void> {
  const args = ['wait', 'web.demo', '--control', control, '--timeout', '20s'];
  assert.deepEqual(await runCommand(args), { code: 0, out: '', err: '' });
}

function localToken(up: ProxyProcess): string {
  return readFileSync(join(up.folder, 'state/local.token'), 'utf8');
}

function createToken(up: ProxyProcess): string[] {
  return ['token', 'create', '--namespace', 'demo', '--state-dir', join(up.folder, 'state')];
}
