/**
 * Goal: on a port that is said to be opaque nobody waits for the first bytes of a client, and what
 * looks like HTTP is carried as it is: inbound by Linkerd's variable, where no policy is known yet;
 * outbound by what the control plane says, of a service of its own and of one that Kubernetes'
 * annotation is on. Method: a server that speaks first, and one that sends back whatever comes, HTTP
 * among it; what proxies count tells whether they have waited for bytes.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from '../support/hosts.ts';
import { askPod, servePod } from '../support/pods.ts';
import { Metrics } from '../support/process.ts';
import { type Sidecar, startSidecars, webIp, whyNoSidecars } from '../support/sidecars.ts';

const skip = whyNoSidecars() ?? false;

test('opaque ports', { skip }, async (t) => {
  const bare = ['web', 'other'];
  const { pods, outside } = await startSidecars(t, { pods: ['client'], bare, manifests });
  const [client, web, other] = pods;
  await Promise.all([web.host, other.host].map((host) => servePod(t, host)));
  await Promise.all([web.init(), other.init()]);
  // Whatever a control plane knows of ports, it is not asked.
  const alone = { LINKERD2_PROXY_POLICY_SVC_ADDR: '127.0.0.1:1' };
  await web.start({ ...alone, [variable]: '9000-9001,9003' });
  await other.start(alone);

  await t.test('inbound, from what has no sidecar', async () => {
    const { ip } = web.host;
    const logins = [9001, 9003].map((port) => `login ${ip} ${port} {sesame}`);
    const [first, second, request] = await askPod(outside, ...logins, `http1 ${ip} 9000 web`);
    assert.deepEqual([first, second], [greet(web), greet(web)]);
    assert.match(request, echoed);
    // Without the variable it is HTTP, as which the application's answer makes no sense.
    const [answer] = await askPod(outside, `http1 ${other.host.ip} 9000 web`);
    assert.match(answer, /^502 /);
  });

  await t.test('meshed, by what the control plane says of its service', async () => {
    const before = await countMeshed(outside, web, client);
    const tasks = [`login ${webIp} 9001 {sesame}`, `http1 ${webIp} 9000 web`];
    const [answer, request] = await askPod(client.host, ...tasks);
    assert.equal(answer, greet(web));
    assert.match(request, echoed);
    assert.equal(await countMeshed(outside, web, client), before + tasks.length);
    assert.equal(await countLooks(outside, client), 0);
  });

  await t.test('outbound, by the annotation of a Service', async () => {
    const [answer] = await askPod(client.host, `login ${annotatedIp} 9003 {sesame}`);
    assert.equal(answer, greet(web));
    assert.equal(await countLooks(outside, client), 0);
    const [plain] = await askPod(client.host, `login ${plainIp} 9003 {sesame}`);
    assert.equal(plain, greet(web));
    assert.equal(await countLooks(outside, client), 1);
  });
});

/** What the application says to {sesame}, which comes from its own proxy. */
function greet({ host }: Sidecar): string {
  const ip = `::ffff:${host.ip}`;
  return `220 ${ip} speaks first / {sesame} from ${ip} at ${ip}`;
}

async function metricsOf(outside: Host, { host }: Sidecar): Promise<Metrics> {
  const lines = await askPod(outside, `http1 ${host.ip} 4191 admin /metrics`);
  return new Metrics(lines.join('\n'));
}

/** Connections of a pod's application whose first bytes its proxy has waited for. */
async function countLooks(outside: Host, pod: Sidecar): Promise<number> {
  const metrics = await metricsOf(outside, pod);
  const labels = { direction: 'outbound' };
  const families = ['heddle_detect_timeouts_total', 'heddle_detect_server_first_total'];
  const late = families.map((family) => metrics.sum(family, labels));
  const found = metrics.sum('outbound_tcp_detect_http_results_total');
  return late.reduce((sum, count) => sum + count, found);
}

async function countMeshed(outside: Host, web: Sidecar, client: Sidecar): Promise<number> {
  const labels = { direction: 'inbound', peer: 'src', tls: 'true', client_id: client.identity };
  return (await metricsOf(outside, web)).sum('tcp_open_total', labels);
}

/** Two Services of one endpoint, with and without the annotation. */
function manifests([web]: readonly Host[]): string {
  const service = (name: string, clusterIP: string, annotations = {}) => [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default', annotations },
      spec: { clusterIP, ports: [{ port: 9003 }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ port: 9003, protocol: 'TCP' }],
      endpoints: [{ addresses: [web.ip] }],
    },
  ];
  const annotation = { 'config.linkerd.io/opaque-ports': '9003' };
  const objects = [...service('annotated', annotatedIp, annotation), ...service('bare', plainIp)];
  return objects.map((object) => JSON.stringify(object)).join('\n---\n');
}

const variable = 'LINKERD2_PROXY_INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION';
const annotatedIp = '10.96.0.20';
const plainIp = '10.96.0.21';
/** What a client of HTTP makes of its own request. */
const echoed = /^failed Parse Error/;
