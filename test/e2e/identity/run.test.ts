/**
 * Goal: what joins by `heddle run` talks by mutual TLS without a word of configuration, and the
 * commands say so. Method: real processes.
 */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, startUp } from '../../support/process.ts';
import { createToken, localToken, startClient, waitLong } from '../../support/run-client.ts';
import {
  appCommand,
  appPid,
  controlOf,
  freePort,
  joining,
  runCommand,
  startRun,
} from '../../support/run-process.ts';

const suffix = 'serviceaccount.identity.heddle.mesh.local';

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
  assert.match(line, /no certificate yet: .*the token is for service users .*, starting /);
  await run.events.until(/^running/);
  process.kill(run.pid, 'SIGTERM');
  await run.ended;
});

interface Category {
  readonly categoryName: string;
  readonly checks: readonly { readonly result: string }[];
}

async function untilServed(control: string): Promise<void> {
  const args = ['wait', 'web.demo', '--control', control, '--timeout', '20s'];
  assert.deepEqual(await runCommand(args), { code: 0, out: '', err: '' });
}
