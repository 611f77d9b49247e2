/**
 * Goal: signals reach the application in their order, whoever sends them, and nobody is left
 * behind. Method: real processes of the executable, its proxy and an application that says what it
 * gets, and a registry that writes down what it hears.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { Events } from '../support/events.ts';
import { makeFolder } from '../support/process.ts';
import { startRegistry } from '../support/registry.ts';
import {
  appCommand,
  appPid,
  childOf,
  executable,
  freePort,
  joining,
  nobody,
  startRun,
  untilGone,
} from '../support/run-process.ts';

test('a shell ends at once, and what it has started is waited for', async (t) => {
  const events = new Events();
  const script = `trap 'exit 5' TERM; "$@" & wait`;
  const [, ...app] = appCommand('end=SIGTERM:0');
  const run = startRun(t, [...nobody, '--', 'sh', '-c', script, 'sh', ...app], { events });
  await events.until(/^running/);
  process.kill(run.pid, 'SIGTERM');
  assert.deepEqual(await run.ended, [5, null]);
  assert.ok(events.index('SIGTERM') >= 0, events.all.join('|'));
  await untilGone(appPid(events));
});

test('Ctrl-C in a process group reaches the application once, and through us', async (t) => {
  const events = new Events();
  const registry = await startRegistry(t, events.add);
  const port = await freePort();
  const command = appCommand(`listen=${port}`, 'end=SIGINT:9');
  const args = [...joining(registry.address, port), ...command];
  const run = startRun(t, args, { events, isGroup: true });
  await events.until('serving');
  process.kill(-run.pid, 'SIGINT');
  // As npm does, which the terminal has told too.
  process.kill(run.pid, 'SIGINT');
  assert.deepEqual(await run.ended, [9, null]);
  const withdrawn = events.all.lastIndexOf('not serving');
  assert.ok(events.index('serving') < withdrawn, events.all.join('\n'));
  assert.ok(withdrawn < events.index('SIGINT'), events.all.join('\n'));
});

test('a second signal is passed on at once, and the grace bounds all', async (t) => {
  const events = new Events();
  const registry = await startRegistry(t, events.add, { isMute: true });
  const port = await freePort();
  const command = appCommand(`listen=${port}`, 'ignore=SIGTERM', 'ignore=SIGHUP');
  const args = [...joining(registry.address, port), '--grace', '1s', ...command];
  const run = startRun(t, args, { events });
  await events.until('serving');
  process.kill(run.pid, 'SIGHUP');
  // Two that are under way at once may come in any order.
  await events.until('left');
  process.kill(run.pid, 'SIGTERM');
  assert.deepEqual(await run.ended, [null, 'SIGKILL']);
  assert.ok(events.index('SIGTERM') >= 0, events.all.join('|'));
  assert.equal(events.index('SIGHUP'), -1, 'the second took the place of the first');
  await events.until(/has not ended within the grace: it is killed/);
});

test('who is killed leaves nobody behind', async (t) => {
  const events = new Events();
  const run = startRun(t, [...nobody, ...appCommand('end=SIGTERM:0')], { events });
  await events.until(/^running/);
  const proxy = childOf(run.pid, 'proxy');
  process.kill(run.pid, 'SIGKILL');
  await events.until('SIGTERM');
  await Promise.all([untilGone(appPid(events)), untilGone(proxy)]);
});

test('who does not read what we say does not end the application', async (t) => {
  const args = [
    'run',
    '--state-dir',
    makeFolder(t),
    ...nobody,
    '--',
    'sh',
    '-c',
    'sleep 1; exit 6',
  ];
  const child = spawn(executable, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr.destroy();
  assert.deepEqual(await once(child, 'exit'), [6, null]);
});
