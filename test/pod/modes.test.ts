/**
 * Goal: a sidecar of an ingress sends requests where l5d-dst-override says, and one of a gateway
 * lets other clusters in to the services that its suffixes name. Method: a pod of each, and a
 * client of the gateway that has the certificate of another pod.
 */

import assert from 'node:assert/strict';
import { copyFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { askHost } from '../support/host-mesh.ts';
import { askPod, servePod } from '../support/pods.ts';
import { makeFolder } from '../support/process.ts';
import { type Sidecar, startSidecars, whyNoSidecars } from '../support/sidecars.ts';

const skip = whyNoSidecars() ?? false;
const name = 'web.default.svc.cluster.local';

test('a sidecar has a mode', { skip }, async (t) => {
  const bare = ['ingress', 'gateway'];
  const { control, pods, outside } = await startSidecars(t, { bare });
  const [web, client, ingress, gateway] = pods;
  await Promise.all([web.host, outside].map((host) => servePod(t, host)));

  await t.test('ingress: by l5d-dst-override, or to where it was going', async () => {
    await ingress.init();
    await ingress.start({ LINKERD2_PROXY_INGRESS_MODE: 'true' });
    const { ip } = outside;
    const from = `::ffff:${ingress.host.ip}`;
    const answers = await askPod(
      ingress.host,
      `http1 ${ip} 8080 elsewhere /a l5d-dst-override=${name}:8080`,
      `http1 ${ip} 8080 ${name}:8080 /b`,
      `http1 ${ip} 8080 elsewhere /c`,
    );
    assert.deepEqual(answers, [
      `200  HTTP/1.1 elsewhere /a for ${ingress.identity} from ::ffff:${web.host.ip}`,
      `200  HTTP/1.1 ${name}:8080 /b for nobody from ${from}`,
      `200  HTTP/1.1 elsewhere /c for nobody from ${from}`,
    ]);
  });

  await t.test('gateway: to the services of its suffixes, for peers of the mesh', async () => {
    await gateway.init();
    await gateway.start({ LINKERD2_PROXY_INBOUND_GATEWAY_SUFFIXES: 'svc.cluster.local.' });
    const folder = makeFolder(t);
    copyIdentity(client, folder);
    copyFileSync(join(control.folder, 'state/identity/bundle.crt'), join(folder, 'bundle.crt'));
    const ask = (service: string) =>
      askHost(outside, 'port', gateway.host.ip, '4143', folder, gateway.identity, '8080', service);
    const [answer = ''] = await ask(name);
    assert.match(answer, /^closed "HTTP\/1\.1 200 OK/);
    assert.ok(answer.includes(`HTTP/1.1 ${name} / for ${gateway.identity} from`), answer);
    const [refused = ''] = await ask('web.example');
    assert.match(refused, /^closed "HTTP\/1\.1 404 Not Found/);
  });
});

function copyIdentity({ pod }: Sidecar, to: string): void {
  const folder = join(pod.folders, 'end-entity');
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  for (const one of names.filter((path) => /(?:key\.p8|leaf\.crt)$/.test(path))) {
    copyFileSync(join(folder, one), join(to, basename(one)));
  }
}
