/**
 * Goal: a line has the spans of Linkerd for each way that a connection may go. Method: what is known
 * of targets and endpoints, beside the chains that come of it.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultConfig } from '../../control/model/default-settings.ts';
import { formatPlain } from '../telemetry/log-format.ts';
import {
  acceptSpans,
  clientAddress,
  connectionSpans,
  endpointSpans,
  type SpanTarget,
  serverAddress,
} from './log-spans.ts';

const settings = {
  ...defaultConfig.settings,
  outbound: { host: '127.0.0.1', port: 4140 },
  inbound: { host: '0.0.0.0', port: 4143 },
};
const address = '10.0.0.9:8080';

function chainOf(spans: ReturnType<typeof acceptSpans>): string {
  const record = { level: 'info', target: 't', message: 'm', fields: {}, spans } as const;
  return formatPlain(record, 0, 1).slice(36, -': t: m\n'.length);
}

const web = { authority: 'web.ns:80', namespace: 'ns', service: 'web' };
const nobody = { authority: '10.0.0.1:80', namespace: '', service: '' };
const endpoints: readonly (readonly [chain: string, target: SpanTarget])[] = [
  [
    'outbound:proxy{addr=10.0.0.1:80}:service{ns=ns name=web port=80}:endpoint{addr=10.0.0.9:8080}',
    { ...web, key: 'addr:10.0.0.1:80', direction: 'outbound' },
  ],
  [
    'outbound:proxy{addr=10.0.0.1:80}:forward{addr=10.0.0.9:8080}',
    { ...nobody, key: 'addr:10.0.0.1:80', direction: 'outbound' },
  ],
  [
    'outbound:proxy{addr=127.0.0.1:4140}:service{ns= name=db port=5432}:' +
      'endpoint{addr=10.0.0.9:8080}',
    { ...nobody, authority: 'db:5432', key: 'host:db', direction: 'outbound' },
  ],
  [
    'outbound:proxy{addr=[fd00::1]:80}:forward{addr=10.0.0.9:8080}',
    { ...nobody, key: 'addr:[fd00::1]:80', direction: 'outbound' },
  ],
  ['inbound:server{port=80}', { ...nobody, key: 'inbound:10.0.0.1:80', direction: 'inbound' }],
  ['inbound:server{port=4143}', { ...nobody, key: 'inbound:', direction: 'inbound' }],
];
for (const [chain, target] of endpoints) {
  test(`an endpoint of ${target.key}: ${chain}`, () => {
    assert.equal(chainOf(endpointSpans(settings, target, address)), chain);
  });
}

test('ingress mode, and the configured service of this host', () => {
  const target = { ...web, key: 'addr:10.0.0.1:80', direction: 'outbound' } as const;
  const ingress = chainOf(endpointSpans({ ...settings, ingressMode: true }, target, address));
  assert.match(ingress, /^outbound:ingress\{addr=10\.0\.0\.1:80\}:service\{/);
  const served = { ...settings, inboundTo: { host: '127.0.0.1', port: 3000 } };
  const own = { ...nobody, key: 'inbound:', direction: 'inbound' } as const;
  assert.equal(chainOf(endpointSpans(served, own, address)), 'inbound:server{port=3000}');
});

test('a connection before and after it is known where it goes', () => {
  const client = clientAddress({ remoteHost: 'fd00::7', remotePort: 4000 });
  const direction = { name: 'inbound', core: { settings } } as const;
  const parties = { direction, identity: null };
  const target = { key: 'inbound:10.0.0.1:80' };
  assert.equal(chainOf(acceptSpans(parties, client)), 'inbound:accept{client.addr=[fd00::7]:4000}');
  assert.equal(
    chainOf(connectionSpans(parties, client, target)),
    'inbound:accept{client.addr=[fd00::7]:4000}:server{port=80}',
  );
  assert.equal(serverAddress(target), '10.0.0.1:80');
  assert.equal(serverAddress({ key: 'inbound:' }), '');
  assert.equal(serverAddress(null), '');
});
