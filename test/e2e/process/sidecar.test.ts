/**
 * Goal: `heddle proxy` starts from the environment that Linkerd's injector writes, says what is
 * wrong with it, and ends with Linkerd's exit codes. Method: real processes, whose controllers are
 * on this machine and nobody listens there.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { makeRoot } from '../../support/certificates.ts';
import { cleanUp } from '../../support/cleanup.ts';
import { startLinkerdControllers } from '../../support/linkerd-controllers.ts';
import { launchProxy, makeFolder } from '../../support/process.ts';

/** The last of the lines of a start; what comes after it waits for a certificate. */
const started = 'Destinations resolved via localhost.:1';
const pem = makeRoot().pem;
const identity = 'web.demo.serviceaccount.identity.linkerd.cluster.local';

/** As the chart of Linkerd has it, but for ports that the system chooses. */
function environmentOf(folder: string): Record<string, string> {
  const variables: Record<string, string> = {
    SHUTDOWN_ENDPOINT_ENABLED: 'false',
    LOG: 'warn,linkerd=info,hickory=error,[{headers}]=off,[{request}]=off',
    LOG_FORMAT: 'plain',
    DESTINATION_SVC_ADDR: 'localhost.:1',
    DESTINATION_SVC_NAME:
      'linkerd-destination.linkerd.serviceaccount.identity.linkerd.cluster.local',
    DESTINATION_PROFILE_NETWORKS: '10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,fd00::/8',
    DESTINATION_PROFILE_SUFFIXES: 'svc.cluster.local.',
    DESTINATION_CONTEXT: '{"ns":"demo", "nodeName":"node-1", "pod":"web-1"}',
    POLICY_SVC_ADDR: '127.0.0.1:1',
    POLICY_SVC_NAME: 'linkerd-destination.linkerd.serviceaccount.identity.linkerd.cluster.local',
    POLICY_WORKLOAD: '{"ns":"demo", "pod":"web-1"}',
    POLICY_CLUSTER_NETWORKS: '10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,fd00::/8',
    INBOUND_DEFAULT_POLICY: 'all-unauthenticated',
    CONTROL_STREAM_INITIAL_TIMEOUT: '3s',
    CONTROL_STREAM_IDLE_TIMEOUT: '5m',
    CONTROL_STREAM_LIFETIME: '1h',
    INBOUND_CONNECT_TIMEOUT: '100ms',
    OUTBOUND_CONNECT_TIMEOUT: '1000ms',
    OUTBOUND_DISCOVERY_IDLE_TIMEOUT: '5s',
    INBOUND_DISCOVERY_IDLE_TIMEOUT: '90s',
    CONTROL_LISTEN_ADDR: '0.0.0.0:4190',
    ADMIN_LISTEN_ADDR: '0.0.0.0:0',
    OUTBOUND_LISTEN_ADDR: '127.0.0.1:4140',
    OUTBOUND_LISTEN_ADDRS: '127.0.0.1:0',
    INBOUND_LISTEN_ADDR: '0.0.0.0:0',
    INBOUND_IPS: '10.0.0.5',
    INBOUND_PORTS: '8080',
    INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION: '25,587,3306,4444,5432,6379,9300,11211',
    INBOUND_ACCEPT_KEEPALIVE: '10000ms',
    OUTBOUND_CONNECT_KEEPALIVE: '10000ms',
    INBOUND_ACCEPT_USER_TIMEOUT: '30s',
    OUTBOUND_CONNECT_USER_TIMEOUT: '30s',
    INBOUND_SERVER_HTTP2_KEEP_ALIVE_INTERVAL: '10s',
    INBOUND_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT: '3s',
    OUTBOUND_SERVER_HTTP2_KEEP_ALIVE_INTERVAL: '10s',
    OUTBOUND_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT: '3s',
    IDENTITY_DIR: folder,
    IDENTITY_TRUST_ANCHORS: pem,
    IDENTITY_TOKEN_FILE: join(folder, 'token'),
    IDENTITY_SVC_ADDR: '127.0.0.1:1',
    IDENTITY_SVC_NAME: 'linkerd-identity.linkerd.serviceaccount.identity.linkerd.cluster.local',
    IDENTITY_LOCAL_NAME: identity,
  };
  const prefixed = Object.entries(variables).map(([key, text]) => [`LINKERD2_PROXY_${key}`, text]);
  return { _pod_name: 'web-1', _pod_ns: 'demo', ...Object.fromEntries(prefixed) };
}

/** With `key.p8` and `csr.der` made first, as the image does it. */
function launch(
  t: TestContext,
  changes: Readonly<Record<string, string>> = {},
  args: readonly string[] = ['--prepare-identity'],
  folder = makeFolder(t),
) {
  mkdirSync(join(folder, 'id'), { recursive: true });
  writeFileSync(join(folder, 'id', 'token'), 'a token\n');
  const prefixed = Object.entries(changes).map(([key, text]) => [`LINKERD2_PROXY_${key}`, text]);
  const environment = { ...environmentOf(join(folder, 'id')), ...Object.fromEntries(prefixed) };
  return launchProxy(t, null, { folder, environment, args });
}

describe('a sidecar from the environment of Linkerd', () => {
  it('starts, is not ready without a certificate, and ends with 0', async (t) => {
    const proxy = launch(t);
    await proxy.untilSaid(started);
    assert.match(proxy.said, new RegExp(`Local identity is ${identity}`));
    assert.match(proxy.said, /Using single-threaded proxy runtime/);
    assert.doesNotMatch(proxy.said, /LINKERD2_PROXY_/);
    await proxy.untilSaid('reason=identity');
    const admin = `http://127.0.0.1:${proxy.port('Admin interface')}`;
    const ready = await fetch(`${admin}/ready`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /no certificate yet/);
    assert.equal((await fetch(`${admin}/live`)).status, 200);
    proxy.signal('SIGTERM');
    assert.equal((await proxy.ended).code, 0);
  });

  it('is outweighed by flags', async (t) => {
    const args = ['--prepare-identity', '--workers', '1', '--log-format', 'json'];
    const proxy = launch(t, { CORES: '2', LOG_FORMAT: 'plain' }, args);
    const line = await proxy.untilSaid(started);
    assert.equal(JSON.parse(line).level, 'INFO');
    assert.match(proxy.said, /Using single-threaded proxy runtime/);
    proxy.signal('SIGTERM');
    assert.equal((await proxy.ended).code, 0);
  });

  it('says what is for later, and what stands in LOG, once', async (t) => {
    const proxy = launch(t, { LOG: 'info,a b', TAP_SVC_NAME: 'tap.linkerd-viz' });
    await proxy.untilSaid('TAP_SVC_NAME: tap is not supported yet');
    proxy.signal('SIGTERM');
    const { said } = await proxy.ended;
    assert.equal(said.split('tap is not supported yet').length, 2);
    assert.match(
      said,
      /^heddle: LINKERD2_PROXY_LOG: "a b" is no directive; .*; it has no effect$/m,
    );
  });

  it('ends with 64 and every mistake when it cannot be read', async (t) => {
    const { code, said } = await launch(t, { INGRESS_MODE: 'on', INBOUND_IPS: '' }).ended;
    assert.equal(code, 64);
    assert.deepEqual(said.trim().split('\n').toSorted(), [
      'heddle: LINKERD2_PROXY_INBOUND_IPS: expected IP addresses, comma-separated, without ' +
        'blanks, got ""',
      'heddle: LINKERD2_PROXY_INGRESS_MODE: expected true or false, got "on"',
    ]);
  });

  it('ends with 64 when the entry point has not made a key', async (t) => {
    const { code, said } = await launch(t, {}, []).ended;
    assert.equal(code, 64);
    assert.match(said, /^heddle: LINKERD2_PROXY_IDENTITY_DIR: \S+key\.p8 is not there$/m);
  });

  it('ends with 1 when the entry point cannot make one', async (t) => {
    const { code, said } = await launch(t, { IDENTITY_LOCAL_NAME: 'web' }).ended;
    assert.equal(code, 1);
    assert.match(said, /^heddle: LINKERD2_PROXY_IDENTITY_LOCAL_NAME: expected a whole DNS name/);
  });

  it('ends with 1 when a port is taken', async (t) => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    cleanUp(t, () => holder.close());
    const { port } = holder.address() as { port: number };
    const { code, said } = await launch(t, { OUTBOUND_LISTEN_ADDRS: `127.0.0.1:${port}` }).ended;
    assert.equal(code, 1);
    assert.ok(said.includes(`127.0.0.1:${port}`), said);
  });

  it('makes key and request anew until it is certified, and then keeps them', async (t) => {
    const { settings, issuer, identity: certifying } = await startLinkerdControllers(t, host);
    const controllers = {
      DESTINATION_SVC_ADDR: settings.control ?? '',
      POLICY_SVC_ADDR: settings.controlPolicy ?? '',
      IDENTITY_SVC_ADDR: settings.controlIdentity ?? '',
      IDENTITY_TRUST_ANCHORS: issuer.root.pem,
    };
    issuer.refuse = 'not yet';
    const first = launch(t, controllers);
    const folder = join(first.folder, 'id');
    const restart = () => launch(t, controllers, ['--prepare-identity'], first.folder);
    await first.untilSaid('not yet');
    const key = readFileSync(join(folder, 'key.p8'));
    first.signal('SIGKILL');
    await first.ended;
    issuer.refuse = '';
    const second = restart();
    await second.untilSaid('Certified identity');
    const pair = readPair(folder);
    assert.notDeepEqual(pair[0], key);
    second.signal('SIGTERM');
    assert.equal((await second.ended).code, 0);
    // Nobody can certify it now.
    certifying.stop();
    const third = restart();
    await third.untilSaid('heddle: ready');
    assert.deepEqual(readPair(folder), pair);
    const admin = `http://127.0.0.1:${third.port('Admin interface')}`;
    const state = (await (await fetch(`${admin}/identity`)).json()) as { state: string };
    assert.equal(state.state, 'certified');
    third.signal('SIGTERM');
    assert.equal((await third.ended).code, 0);
  });
});

function readPair(folder: string): Buffer[] {
  return ['key.p8', 'csr.der'].map((file) => readFileSync(join(folder, file)));
}

const host = '127.0.0.1';
