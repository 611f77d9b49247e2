/**
 * The proxies of one suite: an outbound one that has a service for each origin, and for each origin
 * an inbound one that stands before it. So there are two ways to every origin, through one proxy
 * and through two in a row.
 */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type ProxyProcess, startProxy, untilMetrics } from '../support/process.ts';

interface Origin {
  /** 127.0.0.1 by default. */
  readonly host?: string;
  readonly port: number;
  /** What it speaks. */
  readonly protocol: 'http1' | 'http2' | 'grpc' | 'opaque';
}

export interface Way {
  /** Through how many proxies. */
  readonly name: 'one proxy' | 'two proxies';
  /** Reaches the origin by name at the outbound port. */
  readonly service: string;
  /** Reaches it on 127.0.0.1 without a name. */
  readonly port: number;
}

interface Mesh {
  readonly outbound: number;
  /** Both ways to an origin. */
  ways(origin: string): readonly Way[];
  /** The port of the inbound proxy before an origin. */
  inbound(origin: string): number;
  /** All that was asked has ended, no worker was replaced, and nobody complained. */
  assertQuiet(): Promise<void>;
}

/** Starts the proxies for `origins`, which have short names. */
export async function startMesh(
  t: TestContext,
  origins: Readonly<Record<string, Origin>>,
): Promise<Mesh> {
  const names = Object.keys(origins);
  const inbounds = await Promise.all(
    names.map((name) => startProxy(t, inboundYaml(addressOf(origins[name])))),
  );
  const inbound = (name: string): number => inbounds[names.indexOf(name)].port('Inbound interface');
  const services = names.flatMap((name) => {
    const origin = origins[name];
    return [
      service(near(name), addressOf(origin), origin.protocol),
      service(far(name), `127.0.0.1:${inbound(name)}`, origin.protocol),
    ];
  });
  const outbound = await startProxy(t, outboundYaml(services));
  const bind = (service: string): number =>
    outbound.port(`Service ${service}.default.svc.cluster.local:80`);
  return {
    outbound: outbound.port('Outbound interface'),
    ways: (name) => [
      { name: 'one proxy', service: near(name), port: bind(near(name)) },
      { name: 'two proxies', service: far(name), port: bind(far(name)) },
    ],
    inbound,
    assertQuiet: async () => {
      for (const proxy of [outbound, ...inbounds]) await assertQuiet(proxy);
    },
  };
}

async function assertQuiet(proxy: ProxyProcess): Promise<void> {
  const metrics = await untilMetrics(
    proxy.port('Admin interface'),
    (metrics) =>
      metrics.sum('heddle_http_requests_in_flight') + metrics.sum('heddle_queue_length') === 0,
  );
  assert.equal(metrics.sum('heddle_worker_restarts_total'), 0);
  assert.doesNotMatch(proxy.said, / ERROR /);
}

const near = (name: string): string => `${name}-near`;
const far = (name: string): string => `${name}-far`;

const addressOf = ({ host = '127.0.0.1', port }: Origin): string => `${host}:${port}`;

const service = (name: string, address: string, protocol: string): string => `
  ${name}: { port: 80, protocol: ${protocol}, bind: 127.0.0.1:0, endpoints: ['${address}'] }`;

const outboundYaml = (services: readonly string[]): string => `
services:
${services.join('')}
proxy: { outbound: 127.0.0.1:0, admin: 127.0.0.1:0, workers: 1 }
`;

const inboundYaml = (address: string): string => `
proxy:
  outbound: false
  inbound: 127.0.0.1:0
  inboundTo: ${address}
  admin: 127.0.0.1:0
  workers: 1
`;
