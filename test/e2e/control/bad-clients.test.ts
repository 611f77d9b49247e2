/**
 * Goal: whatever a client sends to a control plane, it is told why it is refused, and who watches
 * beside it is served on. Method: the executable, clients of grpc-js, one of which behaves.
 */

import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readJoinKey } from '../../../control/issuer/join-key.ts';
import { createJoinToken } from '../../../control/issuer/join-token.ts';
import { ControlClient } from '../../support/control-client.ts';
import { makeFolder, readMetrics, startUp } from '../../support/process.ts';

test('tokens that are none are refused with the reason', async (t) => {
  const { client, key, served } = await setUp(t);
  const { privateKey: foreign } = generateKeyPairSync('ed25519');
  const hourMs = 3_600_000;
  const later = Date.now() + hourMs;
  const claims = { namespace: 'default', service: 'web', expiresWallMs: later };
  const exp = Math.ceil(later / 1000);
  const rows: [string, RegExp][] = [
    ['', /^UNAUTHENTICATED there is no token: make one/],
    ['letters', /^UNAUTHENTICATED the token is not one of heddle's/],
    ['x'.repeat(100_000), /^UNAUTHENTICATED the token has more than \d+ characters/],
    [createJoinToken(key, { ...claims, expiresWallMs: 1_000 }), /^UNAUTHENTICATED .* has expired/],
    [createJoinToken(foreign, claims), /^UNAUTHENTICATED .* is not signed by this control plane/],
    [forge(createJoinToken(key, { ...claims, service: 'api' })), /^UNAUTHENTICATED .* not signed/],
    [signed(key, { aud: 'other', exp, ns: '*', svc: '*' }), /^UNAUTHENTICATED .* not for joining/],
    [signed(key, { aud: 'heddle.registry', exp }), /^UNAUTHENTICATED .* lacks what it is for/],
    [createJoinToken(key, { ...claims, service: 'api' }), /^PERMISSION_DENIED .* not for web/],
    [createJoinToken(key, { ...claims, namespace: 'a' }), /^PERMISSION_DENIED .* namespace a/],
  ];
  for (const [token, reason] of rows) {
    const joining = client.join();
    joining.register(registration({ token }));
    assert.match(await joining.end(), reason);
  }
  await served.once();
  const good = client.join();
  good.register(registration({ token: createJoinToken(key, claims) }));
  await good.message(1);
});

test('registrations and names that are none are refused with the field', async (t) => {
  const { client, key, served } = await setUp(t);
  const token = createJoinToken(key, {
    namespace: '*',
    service: '*',
    expiresWallMs: Date.now() + 3_600_000,
  });
  const loopback = { ip: { ipv4: 0x7f000001 } };
  const rows: [Readonly<Record<string, unknown>>, RegExp][] = [
    [{ address: { ...loopback, port: 0 } }, / a port from 1 to 65535/],
    [{ address: { ...loopback, port: -1 } }, / a port from 1 to 65535/],
    [{ address: { ip: {}, port: 1 } }, /address: expected an IPv4 or IPv6 address/],
    [{ address: { ip: { ipv4: 0x0a000001 }, port: 1 } }, /address: 10\.0\.0\.1 is not of the loop/],
    [{ service_port: 0 }, /servicePort: expected a port from 1 to 65535, got 0/],
    [{ service_port: -1 }, /servicePort: expected a port from 1 to 65535, got 4294967295/],
    [{ service: '../web' }, /service: expected a lower-case DNS label.*, got "\.\.\/web"/],
    [{ service: 'x'.repeat(64) }, /service: expected a lower-case DNS label/],
    [{ namespace: '' }, /namespace: expected a lower-case DNS label/],
    [{ instance: 'a b' }, /instance: expected letters, digits/],
    [{ protocol: 'smoke' }, /protocol: expected one of auto, http/],
    [{ weight: 4_000_000_000 }, /weight: expected a number above 0/],
    [{ zone: 'a\nb' }, /zone: expected a text/],
  ];
  for (const [fields, reason] of rows) {
    const joining = client.join();
    joining.register(registration({ token, ...fields }));
    assert.match(await joining.end(), reason);
  }
  const second = client.join();
  second.say(true);
  assert.match(await second.end(), /the first request of Join is a registration/);
  for (const name of ['', ':', 'a..b:80', '-:80', 'web:0', 'web:99999', `${'x'.repeat(300)}:80`]) {
    const reason = /^INVALID_ARGUMENT expected a name such as/;
    assert.match(await client.get(name).end(), reason, name);
    assert.match(await client.policy(name).end(), /^INVALID_ARGUMENT /, name);
  }
  await served.once();
});

test('two that say the same address are one endpoint', async (t) => {
  const { client, key, served } = await setUp(t);
  const claims = { namespace: '*', service: '*', expiresWallMs: Date.now() + 3_600_000 };
  const token = createJoinToken(key, claims);
  for (const instance of ['one', 'two']) {
    const joining = client.join();
    joining.register(registration({ token, instance, service: 'twin' }));
    await joining.message(1);
    joining.say(true);
  }
  const watch = await client.untilKnown('twin.default.svc.cluster.local:80');
  await watch.untilEndpoints('127.0.0.1:4001');
  const { addrs } = watch.messages[0].add as { readonly addrs: readonly unknown[] };
  assert.equal(addrs.length, 1);
  const { instances } = await client.ask('heddle.view.v1.View', 'Status', {});
  assert.equal((instances as unknown[]).length, 2);
  await served.once();
});

test('a message of 10 MB ends its call alone, and nothing is kept of it', async (t) => {
  const { client, control, served } = await setUp(t);
  const other = new ControlClient(t, control.port('Control plane'));
  const large = 'x'.repeat(10 * 1024 * 1024);
  assert.match(await other.get(large).end(), /^RESOURCE_EXHAUSTED /);
  const joining = other.join();
  joining.register(registration({ token: large }));
  assert.match(await joining.end(), /^RESOURCE_EXHAUSTED /);
  await served.once();
  await client.policy('web').message(1);
});

test('a process that flips 1000 times a second is told of at most 60 times', async (t) => {
  const { client, key, served } = await setUp(t);
  const claims = { namespace: '*', service: '*', expiresWallMs: Date.now() + 3_600_000 };
  const joining = client.join();
  joining.register(registration({ token: createJoinToken(key, claims), service: 'flip' }));
  joining.say(true);
  const watch = await client.untilKnown('flip.default.svc.cluster.local:80');
  const startMs = performance.now();
  for (let flip = 0; flip < 2_000; flip++) {
    joining.say(flip % 2 === 1);
    await sleep(1);
  }
  await watch.untilEndpoints('127.0.0.1:4001');
  const seconds = (performance.now() - startMs) / 1000;
  assert.ok(watch.messages.length <= 2 + 60 * seconds, `${watch.messages.length} in ${seconds} s`);
  assert.ok(watch.messages.length > 2, 'it was told of');
  await served.once();
});

test('of 100 000 endpoints in a file none is taken, and the last good ones stay', async (t) => {
  const folder = makeFolder(t);
  const file = join(folder, 'web.endpoints');
  writeFileSync(file, '127.0.0.1 1\n');
  const control = await startUp(t, `services:\n  web: { port: 80, file: ${file} }\n`);
  const client = new ControlClient(t, control.port('Control plane'));
  const watch = client.get(web);
  await watch.untilEndpoints('127.0.0.1:1');
  const lines = Array.from(
    { length: 100_000 },
    (_, at) => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255} 80`,
  );
  writeFileSync(file, `${lines.join('\n')}\n`);
  assert.match(
    await control.untilSaid('the last good ones stay in use'),
    /it has \d+ bytes, more than \d+/,
  );
  for (const port of ['0', '-1', '65536', 'http']) {
    writeFileSync(file, `127.0.0.1 ${port}\n`);
    await control.untilSaid(new RegExp(`the last good ones stay in use.*${port}`));
  }
  assert.deepEqual(watch.endpoints, ['127.0.0.1:1']);
  writeFileSync(file, '127.0.0.1 2\n127.0.0.1 2\n127.0.0.1 3\n');
  await watch.untilEndpoints('127.0.0.1:2', '127.0.0.1:3');
  assert.equal(watch.ended, null);
});

/** A control plane with `web` and somebody who watches it. */
async function setUp(t: TestContext) {
  const control = await startUp(t, yaml(1));
  const port = control.port('Control plane');
  const client = new ControlClient(t, port);
  const watch = new ControlClient(t, port).get(web);
  await watch.untilEndpoints('127.0.0.1:1');
  const key = readJoinKey(join(control.folder, 'state'));
  assert.ok('privateKey' in key);
  let endpoint = 1;
  /** It hears of a change as if nothing had been, on the stream that it has. */
  const once = async (): Promise<void> => {
    endpoint += 1;
    control.write(yaml(endpoint));
    await watch.untilEndpoints(`127.0.0.1:${endpoint}`);
    assert.equal(watch.ended, null);
    const metrics = await readMetrics(control.port('Admin interface'));
    assert.equal(metrics.sum('heddle_control_slow_streams_total'), 0);
  };
  return { control, client, key: key.privateKey, served: { once } };
}

function yaml(port: number): string {
  return `services:\n  web: { port: 80, endpoints: ['127.0.0.1:${port}'] }\n`;
}

function registration(fields: Readonly<Record<string, unknown>>) {
  return {
    instance: 'one',
    namespace: 'default',
    service: 'web',
    service_port: 80,
    address: { ip: { ipv4: 0x7f000001 }, port: 4001 },
    ...fields,
  };
}

/** For `web`, with the signature of another token. */
function forge(token: string): string {
  const [header, payload, signature] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
  const forged = Buffer.from(JSON.stringify({ ...claims, svc: 'web' })).toString('base64url');
  return `${header}.${forged}.${signature}`;
}

function signed(key: KeyObject, claims: object): string {
  const encode = (value: object): string =>
    Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${encode({ alg: 'EdDSA', typ: 'JWT' })}.${encode(claims)}`;
  return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
}

const web = 'web.default.svc.cluster.local:80';
