/**
 * Goal: what `deploy/` has for machines without Kubernetes starts what it says. Method: there is no
 * systemd and no Compose here, so their files are read as they would read them: the unit's command
 * is run with its example of an environment, and the demo and its check of health in the image's
 * root file system, restricted as the Compose file says.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { cleanUp } from '../support/cleanup.ts';
import { Events } from '../support/events.ts';
import { cannotBuildImage, runInImage } from '../support/image.ts';
import { makeFolder, startUp } from '../support/process.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { controlOf, eachLine, executable, freePort, runCommand } from '../support/run-process.ts';

const deploy = resolve(import.meta.dirname, '../../deploy');
const compose = readFileSync(join(deploy, 'compose/compose.yaml'), 'utf8');
const unit = readFileSync(join(deploy, 'systemd/heddle@.service'), 'utf8').replace(/\\\n/g, ' ');
const imagePage = readFileSync(join(deploy, '../docs/IMAGE.md'), 'utf8');

const noPython =
  !existsSync('/usr/bin/python3') && 'the example of the unit needs /usr/bin/python3';

test('the systemd unit starts application and proxy, and ends both', {
  skip: noPython,
}, async (t) => {
  const control = await startUp(t, '{}');
  const state = join(control.folder, 'state');
  const port = await freePort();
  const folder = makeFolder(t);
  mkdirSync(join(folder, 'state'));
  const writeToken = async (service: string): Promise<string> => {
    // As docs/IMAGE.md has it.
    const creating = ['token', 'create', '--service', service, '--state-dir', state];
    const { out: token } = await runCommand(creating);
    const file = join(folder, service === 'web' ? 'token' : `${service}.token`);
    writeFileSync(file, token, { mode: 0o400 });
    return file;
  };
  await writeToken('web');
  const words = expand(settingOf('ExecStart'), {
    ...readExample(port),
    CONTROL: controlOf(control),
    CREDENTIALS_DIRECTORY: folder,
    STATE_DIRECTORY: join(folder, 'state'),
  });
  assert.ok(
    imagePage.includes(`\n(umask 077; ${words[0]} token create`),
    'as docs/IMAGE.md has it',
  );
  const child = spawn(executable, words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  const events = new Events();
  for (const stream of [child.stdout, child.stderr]) eachLine(stream, events.add);
  const ended = once(child, 'close');
  cleanUp(t, async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await events.until(/Serving HTTP/);
  // A client, which knows the service by its name alone.
  const client = ['run', '--control', controlOf(control), '--state-dir', join(folder, 'client')];
  const script = 'import urllib.request as u; print(u.urlopen("http://web/").status)';
  const call = ['--token-file', await writeToken('default'), '--', 'python3', '-c', script];
  const { out, err } = await runCommand([...client, ...call]);
  assert.equal(out, '200\n', err);
  child.kill(settingOf('KillSignal') as NodeJS.Signals);
  // By the signal of the application, which systemd counts as a clean end.
  assert.deepEqual(await ended, [null, 'SIGTERM']);
});

const skip = cannotBuildImage();

test('the demo of the Compose file is healthy, and ends when it is told to', { skip }, () => {
  for (const line of ['read_only: true', 'tmpfs: [/tmp]', 'cap_drop: [ALL]', 'init: true']) {
    assert.ok(compose.includes(`\n    ${line}\n`), line);
  }
  const [entrypoint, [kind, ...check]] = ['entrypoint', 'test'].map(listOf);
  assert.equal(kind, 'CMD');
  const script = ['/usr/bin/node', '--input-type=module', '--eval', runAsCompose];
  const words = [...script, JSON.stringify([entrypoint, check])];
  const { status, stdout, stderr } = runInImage(makeRootfs(), words);
  assert.equal(status, 0, stdout + stderr);
  assert.equal(stdout, 'healthy, ended with 0\n');
});

/** A list of the Compose file, which is in one line. */
function listOf(key: string): string[] {
  const [, items] = new RegExp(`^ +${key}: \\[(.*)\\]$`, 'm').exec(compose) ?? [];
  assert.ok(items !== undefined, `no ${key} in the Compose file`);
  return items.split(', ');
}

/** The last word on it. */
function settingOf(name: string): string {
  const found = unit.split('\n').findLast((line) => line.startsWith(`${name}=`));
  assert.ok(found !== undefined, `no ${name} in the unit`);
  return found.slice(name.length + 1);
}

/** Of deploy/systemd/web.env, whose application listens elsewhere here. */
function readExample(port: number): Record<string, string> {
  const lines = readFileSync(join(deploy, 'systemd/web.env'), 'utf8').split('\n');
  const pairs = lines
    .filter((line) => /^\w+=/.test(line))
    .map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1).replaceAll('8080', String(port))];
    });
  return Object.fromEntries(pairs) as Record<string, string>;
}

/** As systemd does: `${NAME}` within a word, `$NAME` as words of its own, %i the instance. */
function expand(command: string, variables: Readonly<Record<string, string>>): string[] {
  const read = (name: string): string => {
    assert.ok(name in variables, `nobody sets ${name}`);
    return variables[name];
  };
  return command
    .replaceAll('%i', 'web')
    .split(/\s+/)
    .flatMap((word) => {
      const [, alone] = /^\$(\w+)$/.exec(word) ?? [];
      if (alone !== undefined)
        return read(alone)
          .split(' ')
          .filter((part) => part !== '');
      return [word.replace(/\$\{(\w+)\}/g, (_, name: string) => read(name))];
    });
}

/** Starts the one, asks the other until it says yes, then SIGTERM. */
const runAsCompose = `
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

const [[demo, ...args], [program, ...rest]] = JSON.parse(process.argv[1]);
const child = spawn(demo, args, { stdio: ['ignore', 'ignore', 'inherit'] });
const ended = once(child, 'exit');
const check = () => spawnSync(program, rest, { encoding: 'utf8' });
const giveUpAt = performance.now() + 15_000;
let last = check();
while (last.status !== 0 && performance.now() < giveUpAt) last = check();
if (last.status !== 0) throw new Error(last.stdout + last.stderr);
child.kill('SIGTERM');
const [code] = await ended;
console.log('healthy, ended with ' + code);
`;
