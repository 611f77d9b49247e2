/**
 * Goal: what DNS says of a service is at a proxy soon after the record's time to live, through the
 * control plane that follows it, and an answer that fails takes nothing away. Method: a DNS server
 * that only `heddle up` asks, in a mount namespace with a resolver file of its own, and requests
 * until another endpoint answers.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cleanUp } from '../../support/cleanup.ts';
import { startDnsServer } from '../../support/dns-server.ts';
import {
  ask,
  makeFolder,
  ownHost,
  startHttpOrigin,
  startProxy,
  startUp,
} from '../../support/process.ts';

const ttlS = 1;

test('a record that changes is at the proxy after its time to live', {
  skip: whyNoMounts() ?? false,
}, async (t) => {
  const { ask: askWeb, say, fail, asked } = await startMesh(t);
  assert.equal(await askWeb(), '0');
  const before = asked();
  say(1);
  let answers = 0;
  while ((await askWeb()) !== '1') answers += 1;
  // The record was asked for again and not over and over, while requests went on.
  assert.ok(asked() - before <= 3, `${asked() - before} questions until it was seen`);
  t.diagnostic(`${answers} requests still went to the old endpoint`);
  fail();
  const failing = asked();
  while (asked() < failing + 2) assert.equal(await askWeb(), '1');
});

/** A service that DNS says; `say` names the origin that its record is of. */
async function startMesh(t: TestContext) {
  const answer = (text: string) => (_: unknown, response: ServerResponse) => {
    response.end(text);
  };
  const port = await startHttpOrigin(t, answer('0'), ownHost);
  await startHttpOrigin(t, answer('1'), secondHost, port);
  const dns = await startDnsServer({ host: resolverHost, port: 53 });
  cleanUp(t, () => dns.close());
  const question = 'A web.internal';
  const say = (index: number): void => {
    const data = index === 0 ? ownHost : secondHost;
    const answers = [{ type: 'A', name: 'web.internal', ttl: ttlS, data } as const];
    dns.script.set(question, { answers });
  };
  say(0);
  const folder = makeFolder(t);
  writeFileSync(join(folder, 'resolv.conf'), `nameserver ${resolverHost}\n`);
  const mount = `mount --bind ${join(folder, 'resolv.conf')} /etc/resolv.conf && exec "$0" "$@"`;
  const control = await startUp(
    t,
    JSON.stringify({ services: { web: { port: 80, dns: `web.internal:${port}` } } }),
    { inside: ['unshare', '--mount', 'sh', '-c', mount] },
  );
  const settings = { outbound: '127.0.0.1:0', admin: '127.0.0.1:0', workers: 1 };
  const yaml = JSON.stringify({
    proxy: { ...settings, stateDir: 'off', control: `127.0.0.1:${control.port('Control plane')}` },
  });
  const proxy = await startProxy(t, yaml);
  const outbound = proxy.port('Outbound interface');
  return {
    ask: async () => (await ask(outbound, '/', { headers: { host: 'web' } })).body,
    say,
    fail: () => void dns.script.set(question, { rcode: 'SERVFAIL' }),
    asked: () => dns.asked.filter((one) => one === `udp ${question}`).length,
  };
}

function whyNoMounts(): string | null {
  if (process.getuid?.() !== 0) return 'mount namespaces and port 53 need root';
  const tried = spawnSync('unshare', ['--mount', 'true'], { encoding: 'utf8' });
  if (tried.error !== undefined) return 'needs unshare (Debian package util-linux)';
  return tried.status === 0 ? null : `no mount namespace here: ${tried.stderr.trim()}`;
}

/** Addresses of this test file's own, as `ownHost` is. */
const secondHost = ownHost.replace('127.1.', '127.2.');
const resolverHost = ownHost.replace('127.1.', '127.3.');
