/**
 * Goal: a folder of Kubernetes-style objects is what proxies are told, with each change of it, and
 * nothing that happens to the folder takes away what it said. Method: `heddle up` as a process,
 * grpc-js, and real files.
 */

import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ControlClient } from '../../support/control-client.ts';
import { startUp } from '../../support/process.ts';

const service = `apiVersion: v1
kind: Service
metadata: { name: web, namespace: demo }
spec: { clusterIP: None, ports: [{ name: http, port: 80, appProtocol: http }] }
`;
const slice = (...addresses: readonly string[]) => `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: demo, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: http, port: 8080 }]
endpoints: [${addresses.map((address) => `{ addresses: [${address}] }`).join()}]
`;
const policy = (kind: string, spec: string) => `apiVersion: policy.linkerd.io/v1
kind: ${kind}
metadata: { name: p, namespace: demo }
spec: ${spec}
`;
const path = 'web.demo.svc.cluster.local:80';

async function setUp(t: TestContext) {
  const control = await startUp(t, 'manifests: ./mesh.d\n');
  const client = new ControlClient(t, control.port('Control plane'));
  const folder = join(control.folder, 'mesh.d');
  const write = (name: string, text: string): void => {
    writeFileSync(join(folder, `${name}.new`), text);
    renameSync(join(folder, `${name}.new`), join(folder, name));
  };
  await control.untilSaid('manifests cannot be read');
  /** All of it at once, after which it has been read. */
  const create = async (text: string): Promise<void> => {
    mkdirSync(`${folder}.new`);
    writeFileSync(join(`${folder}.new`, 'web.yaml'), text);
    renameSync(`${folder}.new`, folder);
    await control.untilSaid('manifests are confirmed again');
  };
  return { control, client, folder, write, create };
}

test('a folder that comes, changes and goes, with an object that is wrong', async (t) => {
  const { control, client, folder, write, create } = await setUp(t);
  assert.match(await client.get(path).end(), /^UNAVAILABLE /, 'not before it was read');
  await create(`${service}---\n${slice('10.0.0.1', '10.0.0.2')}`);
  const watch = client.get(path);
  await watch.untilEndpoints('10.0.0.1:8080', '10.0.0.2:8080');
  const bad = service.replace('name: web', 'name: bad').replace('port: 80', 'port: -1');
  write('web.yaml', `${service}---\n${bad}---\n${slice('10.0.0.2', '10.0.0.3')}`);
  await watch.untilEndpoints('10.0.0.2:8080', '10.0.0.3:8080');
  const status = JSON.stringify(await client.ask('heddle.view.v1.View', 'Status', {}));
  assert.match(status, /"object":"Service demo\/bad in mesh\.d\/web\.yaml:9","field":"spec\.ports/);
  rmSync(folder, { recursive: true });
  await control.untilSaid('it does not exist');
  const later = client.get(path);
  await later.untilEndpoints('10.0.0.2:8080', '10.0.0.3:8080');
  assert.equal(watch.ended, null);
});

test('policy that has no effect refuses what it is about, by name', async (t) => {
  const { client, folder, write, create } = await setUp(t);
  await create(`${service}---\n${slice('10.0.0.1')}`);
  const outbound = client.policy(path);
  const inbound = client.watch('io.linkerd.proxy.inbound.InboundServerPolicies', 'WatchPort', {
    workload: JSON.stringify({ ns: 'demo', pod: 'web-1' }),
    port: 8080,
  });
  const told = async (): Promise<string[]> => {
    const count = outbound.messages.length + 1;
    return [await outbound.message(count), await inbound.message(count)].map((message) =>
      JSON.stringify(message),
    );
  };
  for (const message of await told()) assert.doesNotMatch(message, /no effect/);
  write(
    'policy.yaml',
    [
      policy('HTTPRoute', '{ parentRefs: [{ kind: Service, name: web }] }'),
      policy('Server', '{ port: 8080, podSelector: {} }'),
    ].join('---\n'),
  );
  const [route, server] = await told();
  assert.match(route, /HTTPRoute demo\/p has no effect in this version/);
  assert.match(server, /Server demo\/p has no effect in this version/);
  rmSync(join(folder, 'policy.yaml'));
  for (const message of await told()) assert.doesNotMatch(message, /no effect/);
});
