/**
 * Goal: who has no part in starting a process can wait for it, stop it, and give others the right
 * to its name. Method: a real control plane, real processes and the commands themselves.
 */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, makeFolder, startLoad, startUp } from '../support/process.ts';
import {
  appCommand,
  controlOf,
  executable,
  freePort,
  joining,
  nobody,
  runCommand,
  startRun,
} from '../support/run-process.ts';

test('a process joins by a token of its own, is waited for, and stopped', async (t) => {
  const up = await startUp(t, null);
  const control = controlOf(up);
  const make = ['token', 'create', '--service', 'web', '--state-dir', join(up.folder, 'state')];
  const token = await runCommand([...make, '--namespace', 'demo']);
  assert.deepEqual([token.code, token.err], [0, '']);
  const tokenFile = join(up.folder, 'web.token');
  writeFileSync(tokenFile, token.out, { mode: 0o600 });

  const waiting = runCommand(['wait', 'web.demo', '--control', control, '--timeout', '20s']);
  const port = await freePort();
  const args = [...joining(control, port), '--token-file', tokenFile];
  const run = startRun(t, [...args, ...appCommand(`listen=${port}`, 'end=SIGTERM:4')]);
  assert.deepEqual(await waiting, { code: 0, out: '', err: '' });

  // As a client, by its own proxy, with the variables that it is given.
  const script = 'heddle=$1; $heddle wait && exec $heddle wait web --namespace demo --timeout 5s';
  const client = startRun(t, ['--control', control, '--', 'sh', '-c', script, 'sh', executable]);
  assert.deepEqual(await client.ended, [0, null], client.events.all.join('\n'));

  const stop = ['stop', '--state-dir', run.stateFolder];
  const wrong = await runCommand([...stop, 'users']);
  assert.deepEqual([wrong.code, wrong.out], [1, '']);
  assert.match(
    wrong.err,
    /nothing is named users; these run:\nINSTANCE.*\nweb-\w+ +web\.demo +\d+/,
  );
  const stopped = await runCommand([...stop, 'web.demo']);
  assert.deepEqual([stopped.code, stopped.err], [0, '']);
  assert.match(stopped.out, new RegExp(`^stopped web-\\w{16} \\(process ${run.pid}, `));
  assert.deepEqual(await run.ended, [4, null]);
  const none = await runCommand(stop);
  assert.deepEqual([none.code, none.out], [1, '']);
  assert.match(none.err, /nothing runs that .*\/run knows of/);

  const late = await runCommand(['wait', 'web.demo', '--control', control, '--timeout', '0s']);
  assert.equal(late.code, 1);
  assert.match(late.err, /^heddle wait: web\.demo after 0s: .*(no endpoint|knows no service)/);
});

test('stop names a process by its number, and waits for nobody that is not there', async (t) => {
  const run = startRun(t, [...nobody, ...appCommand()]);
  await run.events.until(/^running/);
  const stop = ['stop', '--state-dir', run.stateFolder];
  const other = await runCommand([...stop, String(process.pid)]);
  assert.equal(other.code, 1, 'a process that heddle run has not started');
  const stopped = await runCommand([...stop, String(run.pid)]);
  assert.deepEqual([stopped.code, stopped.err], [0, '']);
  assert.deepEqual(await run.ended, [null, 'SIGTERM']);
});

test('one of two is stopped under load, and no caller notices', async (t) => {
  const up = await startUp(t, null);
  const control = controlOf(up);
  const environment = { HEDDLE_TOKEN: readFileSync(join(up.folder, 'state/local.token'), 'utf8') };
  const stateFolder = makeFolder(t);
  const runs = await Promise.all(
    [0, 1].map(async () => {
      const port = await freePort();
      const args = [...joining(control, port), ...appCommand(`listen=${port}`, 'close=SIGTERM')];
      const run = startRun(t, args, { stateFolder, environment });
      await run.events.until(/^heddle: joined/);
      await run.events.until('listening');
      return run;
    }),
  );
  const client = startRun(
    t,
    ['--namespace', 'demo', '--control', control, ...appCommand('say=HEDDLE_OUTBOUND')],
    { environment },
  );
  const outbound = await client.events.until(/^127\.0\.0\.1:\d+$/);
  const waiting = ['wait', 'web.demo', '--control', control, '--timeout', '20s'];
  assert.equal((await runCommand(waiting)).code, 0);
  const port = Number(outbound.split(':')[1]);
  const load = startLoad(t, port, 'web.demo:8000', 4);
  await untilAnswered(load, 200, port);
  const stopped = await runCommand(['stop', '--state-dir', stateFolder, String(runs[0].pid)]);
  assert.equal(stopped.code, 0, stopped.err);
  assert.deepEqual(await runs[0].ended, [0, null]);
  await untilAnswered(load, load.answered + 200, port);
  await load.stop();
  assert.deepEqual(load.failures, []);
});

/** Asks by itself meanwhile: each turn takes a round trip. */
async function untilAnswered(load: { readonly answered: number }, count: number, port: number) {
  while (load.answered < count) await ask(port, '/', { headers: { host: 'web.demo:8000' } });
}
