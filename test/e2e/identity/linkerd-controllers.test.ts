/**
 * Goal: a proxy under Linkerd's control plane asks each of its controllers for its own part, by its
 * own name. Method: three controllers that answer nothing else, and a whole proxy in this process.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { ProxySettings } from '../../../api/settings.ts';
import { defaultConfig } from '../../../control/model/default-settings.ts';
import { type RunningProxy, startProxy } from '../../../workers/start.ts';
import { cleanUp } from '../../support/cleanup.ts';
import {
  linkerdName,
  otherHost,
  startLinkerdControllers,
} from '../../support/linkerd-controllers.ts';
import { launchWords, makeFolder } from '../../support/process.ts';
import { untilTurn } from '../../support/turns.ts';

const skip = otherHost === undefined && 'this machine has no address beside the loopback';
const executable = resolve(import.meta.dirname, '../../../cli/heddle');
const name = 'api.demo.svc.cluster.local:80';

async function startOrigin(t: TestContext): Promise<number> {
  const server = createServer((asked, answer) => {
    answer.end(`${asked.headers.host} ${asked.url}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(t, () => server.close());
  return (server.address() as AddressInfo).port;
}

async function start(t: TestContext, settings: Partial<ProxySettings>): Promise<RunningProxy> {
  const any = { host: '127.0.0.1', port: 0 };
  const proxy = await startProxy(
    defaultConfig,
    {
      ...defaultConfig.settings,
      stateDir: 'off',
      outbound: any,
      admin: any,
      workers: 0,
      logLevel: 'error',
      ...settings,
    },
    { writeLog: (bytes, done) => done(null, bytes.length) },
  );
  cleanUp(t, () => proxy.stop());
  return proxy;
}

function environmentOf(
  settings: Partial<ProxySettings>,
  anchors: string,
  folder: string,
): Record<string, string> {
  const said = {
    DESTINATION_SVC_ADDR: settings.control,
    DESTINATION_SVC_NAME: settings.controlServerName,
    POLICY_SVC_ADDR: settings.controlPolicy,
    POLICY_SVC_NAME: settings.controlPolicyServerName,
    IDENTITY_SVC_ADDR: settings.controlIdentity,
    IDENTITY_SVC_NAME: settings.controlIdentityServerName,
    DESTINATION_CONTEXT: settings.destinationContext,
    POLICY_WORKLOAD: settings.workload,
    IDENTITY_DIR: folder,
    IDENTITY_TRUST_ANCHORS: anchors,
    IDENTITY_TOKEN_FILE: settings.identityToken,
    IDENTITY_LOCAL_NAME: settings.identity,
    INBOUND_PORTS: '8080',
    INBOUND_DEFAULT_POLICY: 'all-unauthenticated',
    OUTBOUND_LISTEN_ADDR: '127.0.0.1:0',
    INBOUND_LISTEN_ADDR: '127.0.0.1:0',
    ADMIN_LISTEN_ADDR: '127.0.0.1:0',
  };
  const named = Object.entries(said).map(([key, text]) => [`LINKERD2_PROXY_${key}`, text ?? '']);
  return { PATH: process.env.PATH ?? '', ...Object.fromEntries(named) };
}

async function ask(
  port: number,
  host: string,
  path = '/',
): Promise<{ status: number; body: string }> {
  const asked = request({ host: '127.0.0.1', port, path, headers: { host } });
  asked.end();
  const [answer] = await once(asked, 'response');
  let body = '';
  for await (const part of answer) body += String(part);
  return { status: answer.statusCode, body };
}

async function untilReady(t: TestContext, port: number): Promise<void> {
  for (;;) {
    const { status, body } = await ask(port, `127.0.0.1:${port}`, '/ready');
    if (status === 200) return;
    if (t.signal.aborted) throw new Error(body);
  }
}

describe('under the controllers of Linkerd', () => {
  for (const host of ['127.0.0.1', otherHost ?? '']) {
    const where = host === '127.0.0.1' ? 'of its own machine' : 'over TLS';
    it(`becomes certified, discovers and forwards, ${where}`, { skip }, async (t) => {
      const linkerd = await startLinkerdControllers(t, host);
      const { destination, policy, identity, issuer, settings } = linkerd;
      const origin = await startOrigin(t);
      destination.service(name, [1]);
      policy.service(name, [1]);
      const addrs = [{ addr: { ip: { ipv4: 0x7f00_0001 }, port: origin }, weight: 10_000 }];
      destination.say('destination', name, { add: { addrs } });
      const proxy = await start(t, settings);
      await untilReady(t, proxy.settings.admin?.port ?? 0);
      assert.equal(issuer.requests.length, 1);
      assert.equal(issuer.requests[0].identity, linkerdName('web', 'demo'));
      const { status, body } = await ask(proxy.settings.outbound?.port ?? 0, name, '/x');
      assert.deepEqual([status, body], [200, `${name} /x`]);
      // Each was asked for its own part alone.
      assert.deepEqual([...new Set(policy.asked)], [`outbound ${name}`]);
      const names = [...new Set(destination.asked)].filter((one) => one.endsWith(name));
      assert.deepEqual(names.toSorted(), [`destination ${name}`, `profile ${name}`]);
      assert.deepEqual(identity.asked, []);
      const [{ request: get }] = destination.open('destination', name);
      const { contextToken } = get as { readonly contextToken: string };
      assert.equal(contextToken, settings.destinationContext);
      const [{ request: watch }] = policy.open('outbound', name);
      const { sourceWorkload } = watch as { readonly sourceWorkload: string };
      assert.equal(sourceWorkload, settings.workload);
    });
  }

  it('does so started from the environment of its pod', { skip }, async (t) => {
    const linkerd = await startLinkerdControllers(t, otherHost ?? '');
    const { destination, policy, issuer, settings } = linkerd;
    const origin = await startOrigin(t);
    policy.service(name, [1]);
    destination.service(name, [1]);
    const addrs = [{ addr: { ip: { ipv4: 0x7f00_0001 }, port: origin }, weight: 10_000 }];
    destination.say('destination', name, { add: { addrs } });
    const environment = environmentOf(settings, issuer.root.pem, makeFolder(t));
    const words = [executable, 'proxy', '--prepare-identity'];
    const proxy = launchWords(t, words, '', environment);
    await proxy.untilSaid('Certified identity');
    await proxy.untilSaid('Outbound interface on');
    await untilReady(t, proxy.port('Admin interface'));
    const outbound = proxy.port('Outbound interface');
    const { status, body } = await ask(outbound, name, '/x');
    assert.deepEqual([status, body], [200, `${name} /x`]);
    await untilTurn('the policy of a port', () => policy.asked.includes('inbound 8080'));
  });

  it('believes no controller that has the name of another', { skip }, async (t) => {
    const { policy, destination, settings } = await startLinkerdControllers(t, otherHost ?? '');
    destination.service(name, [1]);
    policy.service(name, [1]);
    const wrong = { controlPolicyServerName: linkerdName('linkerd-destination') };
    const proxy = await start(t, { ...settings, ...wrong, passthrough: 'refuse' });
    const { port = 0 } = proxy.settings.outbound ?? {};
    void ask(port, name).catch(() => undefined);
    await untilTurn('a question', () => destination.asked.includes(`profile ${name}`));
    const admin = proxy.settings.admin?.port ?? 0;
    for (;;) {
      const { body } = await ask(admin, `127.0.0.1:${admin}`, '/metrics');
      if (/heddle_discovery_stream_failures_total\{reason="UNAVAILABLE"\} [1-9]/.test(body)) break;
      assert.ok(!t.signal.aborted, body);
    }
    assert.deepEqual(policy.asked, []);
  });
});
