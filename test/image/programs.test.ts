/**
 * Goal: what is in the image runs where Linkerd's manifests put it. Method: its root file system is
 * made as a folder; programs run in it by chroot, read-only, as the users and with the capabilities
 * of the manifests.
 */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cannotBuildImage, runImageTool, runInImage } from '../support/image.ts';

const folder = mkdtempSync(join(tmpdir(), 'heddle-image-test-'));
const rootfs = join(folder, 'rootfs');
// Also when all of it is skipped.
after(() => rmSync(folder, { recursive: true }));

describe('programs of the image', { skip: cannotBuildImage() }, () => {
  before(() => runImageTool(['--rootfs-only', rootfs]));

  test('has no shell, no packages, no sources, and what the manifests call', () => {
    const names = readdirSync(rootfs, { recursive: true, encoding: 'utf8' });
    const unwanted = /(?:^|\/)(?:node_modules|(?:ba|da|z)?sh|busybox|npm)$|\.tsx?$/;
    assert.deepEqual(
      names.filter((name) => unwanted.test(name)),
      [],
    );
    for (const path of called) assert.ok(existsSync(join(rootfs, path)), path);
  });

  test('runs every command as 2102 with a read-only root and no capabilities', () => {
    const version = runInImage(rootfs, ['/usr/bin/heddle', '--version']);
    assert.match(version.stdout, /^heddle \d/, version.stderr);
    const help = runInImage(rootfs, ['/usr/bin/heddle', '--help']);
    assert.equal(help.status, 0, help.stderr);
    assert.match(help.stdout, /^ {2}up /m);
    for (const path of called.filter((one) => one.startsWith('/usr/lib/linkerd/'))) {
      const capabilities = path.endsWith('-init') ? firewall : '';
      const { status, stdout, stderr } = runInImage(rootfs, [path, '--help'], { capabilities });
      assert.equal(status, 0, `${path}: ${stderr}`);
      assert.match(stdout, /^Usage: heddle/);
    }
    assert.equal(runInImage(rootfs, ['/bin/sleep', '0']).status, 0);
  });

  test('runs the whole demo, in which every program of a mesh takes part', () => {
    const args = ['/usr/bin/heddle', 'demo', '--duration', '2'];
    const { status, stdout, stderr } = runInImage(rootfs, args);
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /secured: [1-9]/);
  });

  test('a proxy is ready from state at hand, without its control plane', (t) => {
    const args = ['/usr/bin/node', '--input-type=module', '--eval', readyFromState];
    const { status, stdout, stderr } = runInImage(rootfs, args);
    assert.equal(status, 0, stdout + stderr);
    t.diagnostic(`ready after ${stdout.trim()} ms`);
  });

  test('init has the capabilities of its container as 65534 without new privileges', () => {
    const container = { user: 65_534, capabilities: firewall };
    const path = '/usr/lib/linkerd/linkerd2-proxy-init';
    for (const more of [[], ['--firewall-bin-path', 'iptables-nft'].concat(nftSave)]) {
      const { status, stdout, stderr } = runInImage(
        rootfs,
        [path, ...initArgs, ...more],
        container,
      );
      assert.equal(status, 0, stdout + stderr);
      assert.match(stdout + stderr, /the rules are written and read back/);
    }
  });

  test('finds what was compiled at build time', () => {
    for (const user of [2102, 65_534]) {
      const environment = { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' };
      const args = ['/usr/bin/heddle', 'version'];
      const { stdout, stderr } = runInImage(rootfs, args, { user, environment });
      const said = stdout + stderr;
      assert.match(said, /program\.js was accepted/);
      assert.doesNotMatch(said, /rejected/);
    }
  });
});

/** Of the manifests of Linkerd 2.20; docs/IMAGE.md lists them. */
const called = [
  '/usr/lib/linkerd/linkerd2-proxy-identity',
  '/usr/lib/linkerd/linkerd2-proxy',
  '/usr/lib/linkerd/linkerd2-proxy-init',
  '/usr/lib/linkerd/linkerd2-network-validator',
  '/usr/lib/linkerd/linkerd-await',
  '/bin/sleep',
];
const initArgs = ['--ipv6=false', '--incoming-proxy-port', '4143', '--outgoing-proxy-port', '4140']
  .concat(['--proxy-uid', '2102', '--inbound-ports-to-ignore', '4190,4191,4567,4568'])
  .concat(['--outbound-ports-to-ignore', '4567,4568']);
const firewall = 'cap_net_admin,cap_net_raw';
const nftSave = ['--firewall-save-bin-path', 'iptables-nft-save'];

/** The mesh is there once, then a proxy with nobody but its own files; says the times that took. */
const readyFromState = `
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';

writeFileSync('/tmp/heddle.yaml', 'services: { web: { port: 80, endpoints: [127.0.0.1:8080] } }');
async function start(sign, ...args) {
  const since = performance.now();
  const child = spawn('/usr/bin/heddle', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  let said = '';
  const heard = new Promise((resolve) => {
    const hear = (part) => {
      said += part;
      if (sign.test(said)) resolve(true);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
  });
  const isUp = await Promise.race([heard, ended.then(() => false)]);
  if (!isUp) throw new Error(args[0] + ': ' + said);
  const ms = performance.now() - since;
  return { ms, kill: () => (child.kill('SIGKILL'), ended) };
}
const proxy = () =>
  start(/heddle: ready/, 'proxy', '--control', '127.0.0.1:8086', '--state-dir', '/tmp/state',
    '--identity', 'default.default', '--identity-token', '/tmp/up/local.token', '--workers', '1',
    '--outbound', '127.0.0.1:4140', '--admin', '127.0.0.1:4191');
const control = await start(/serv|ready|listen/i, 'up', '--config', '/tmp/heddle.yaml',
  '--state-dir', '/tmp/up');
const first = await proxy();
await first.kill();
await control.kill();
const times = [];
for (let turn = 0; turn < 5; turn++) {
  const { ms, kill } = await proxy();
  times.push(Math.round(ms));
  await kill();
}
console.log(times.join(', '));
process.exit(0);
`;
