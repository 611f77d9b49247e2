/**
 * Goal: when a control plane says that a service speaks something else, connections that are open
 * stay what they are, and new ones are what it says. Method: a field that HTTP would strip, sent to
 * a bind port before and after the service has become opaque.
 */

import assert from 'node:assert/strict';
import type { Agent } from 'node:http';
import { test } from 'node:test';
import { ask, keepOne, startHttpOrigin, startProxy, startUp } from '../../support/process.ts';

test('an open connection stays HTTP when its service becomes opaque', async (t) => {
  const port = await startHttpOrigin(t, (request, response) => {
    response.end(request.headers['x-hop'] === undefined ? 'http' : 'opaque');
  });
  const mesh = (protocol: string): string =>
    JSON.stringify({ services: { web: { port: 80, protocol, endpoints: [`127.0.0.1:${port}`] } } });
  const control = await startUp(t, mesh('auto'));
  const settings = { outbound: '127.0.0.1:0', admin: '127.0.0.1:0', workers: 1, stateDir: 'off' };
  const proxy = await startProxy(
    t,
    JSON.stringify({
      proxy: { ...settings, control: `127.0.0.1:${control.port('Control plane')}` },
    }),
    { args: ['--bind', '127.0.0.1:0=web.default.svc.cluster.local:80'] },
  );
  const bind = proxy.port('Service web.default.svc.cluster.local:80');
  const what = async (agent?: Agent): Promise<string> => {
    const fields = agent === undefined ? 'close, x-hop' : 'keep-alive, x-hop';
    const headers = { host: 'web', connection: fields, 'x-hop': '1' };
    const options = agent === undefined ? { headers } : { headers, agent };
    return (await ask(bind, '/', options)).body;
  };
  const kept = keepOne(t);
  assert.equal(await what(kept), 'http');
  control.write(mesh('opaque'));
  while ((await what()) !== 'opaque') assert.equal(await what(kept), 'http');
  assert.equal(await what(kept), 'http');
  control.write(mesh('http'));
  while ((await what()) !== 'http') assert.equal(await what(kept), 'http');
});
