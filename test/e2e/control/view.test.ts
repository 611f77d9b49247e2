/**
 * Goal: `heddle check` and `heddle endpoints` tell the truth of a real mesh. Method: a control
 * plane with a configuration and a folder of manifests, a joined process; then one trouble each.
 */

import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder, startUp } from '../../support/process.ts';
import { runCli } from '../../support/run-cli.ts';
import { appCommand, freePort, startRun } from '../../support/run-process.ts';

const yaml = `manifests: mesh.d
services:
  web: { port: 80, endpoints: [127.0.0.1:8080] }
  users: { port: 80, file: users.endpoints }
`;

const manifest = `apiVersion: v1
kind: Service
metadata: { name: db }
spec: { ports: [{ port: 5432 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: db-1, labels: { kubernetes.io/service-name: db } }
addressType: IPv4
ports: [{ port: 5433 }]
endpoints: [{ addresses: [127.0.0.1] }]
`;

/** Until the lines hold; each question takes a round trip. */
async function untilOut(args: readonly string[], holds: (out: string) => boolean) {
  const limit = AbortSignal.timeout(15_000);
  for (;;) {
    const outcome = await runCli(args);
    if (holds(outcome.out)) return outcome;
    if (limit.aborted) throw new Error(`${args.join(' ')}:\n${outcome.out}${outcome.err}`);
  }
}

test('a mesh that is well is found well, and each trouble is found', async (t) => {
  const folder = makeFolder(t);
  mkdirSync(join(folder, 'mesh.d'));
  writeFileSync(join(folder, 'users.endpoints'), '127.0.0.1 1\n');
  writeFileSync(join(folder, 'mesh.d', 'db.yaml'), manifest);
  const control = await startUp(t, yaml, { folder });
  const address = `127.0.0.1:${control.port('Control plane')}`;
  const port = await freePort();
  const flags = ['--service', 'api', '--port', String(port), '--control', address];
  const token = ['--token-file', join(folder, 'state', 'local.token')];
  const run = startRun(t, [...flags, ...token, ...appCommand(`listen=${port}`)]);
  const check = ['check', '--control', address, '-o', 'short'];
  const list = ['endpoints', 'api', '--control', address];

  // Not before: empty services are warnings as well.
  await untilOut(list, (out) => /^default +127\.0\.0\.1 +\d+ +api\.default:80 +regis/m.test(out));
  assert.equal((await untilOut(check, isWell)).code, 0);
  const compared = await runCli(['endpoints', '--compare', '--control', address]);
  assert.deepEqual([compared.code, compared.err], [0, '']);
  assert.match(compared.out, /^\u221a +users\.default:80 +source +file .*users\.endpoints /m);

  assert.match(compared.out, /^\u221a +db\.default:5432 +source +manifests [^ ]+ +\w+ +1 +0s$/m);

  const bad = join(folder, 'mesh.d', 'bad.yaml');
  writeFileSync(bad, 'kind: Service\napiVersion: v1\nspec: 7\n');
  const refused = await untilOut(check, (out) => out.includes('no object is refused'));
  assert.equal(refused.code, 1);
  assert.match(refused.out, /\u00d7 no object is refused\n {4}.*bad\.yaml/);
  rmSync(bad);
  await untilOut(check, isWell);

  process.kill(run.pid, 'SIGTERM');
  await run.ended;
  const empty = await untilOut(check, (out) => out.includes('has none'));
  assert.match(empty.out, /\u203c services have endpoints\n {4}api\.default\.svc\./);
  assert.equal(empty.code, 0);

  control.signal('SIGKILL');
  await control.ended;
  const gone = await runCli(check);
  assert.equal(gone.code, 1);
  assert.match(gone.out, /\u00d7 127\.0\.0\.1:\d+ answers\n.*; start a control plane by heddle up/);
});

function isWell(out: string): boolean {
  return out === 'Status check results are \u221a\n';
}
