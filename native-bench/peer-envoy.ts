/**
 * Envoy with one worker: HTTP connection manager and router, or tcp_proxy. Its request ids are
 * switched off and its connection limits raised, so that it does no work that others do not do.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  benchDir,
  endsInHttp2,
  findProgram,
  type Peer,
  type Plan,
  requireProgram,
} from './peer.ts';
import { findFreePorts } from './run.ts';

export const envoy: Peer = {
  name: 'envoy',
  find: () => findProgram('envoy', join(benchDir, 'envoy', 'envoy')),
  refuse: (plan) => (plan.services.length > 1 ? 'compared with one service only' : null),
  start: async (run, plan) => {
    const [port] = await findFreePorts(1);
    const file = join(run.makeFolder('envoy'), 'envoy.json');
    writeFileSync(file, JSON.stringify(buildConfig(plan, port)));
    const args = ['-c', file, '--concurrency', '1', '--disable-hot-restart', '-l', 'error'];
    const command = requireProgram(envoy.find());
    const started = run.start({ name: 'envoy', command, args, cores: plan.cores });
    await run.waitForPort(started, port);
    return { name: 'envoy', pid: started.pid, port, end: () => run.end(started) };
  },
};

function buildConfig(plan: Plan, port: number): object {
  const codec = plan.protocol === 'http2' ? 'HTTP2' : 'HTTP1';
  const filter = plan.protocol === 'opaque' ? tcpFilter : buildHttpFilter(codec);
  return {
    static_resources: {
      listeners: [
        {
          name: 'in',
          address: { socket_address: { address: '127.0.0.1', port_value: port } },
          tcp_backlog_size: 8192,
          filter_chains: [{ filters: [filter] }],
        },
      ],
      clusters: [buildCluster(plan)],
    },
  };
}

function buildCluster(plan: Plan): object {
  const limit = 100_000;
  return {
    name: 'out',
    type: 'STATIC',
    connect_timeout: '1s',
    lb_policy: 'LEAST_REQUEST',
    circuit_breakers: {
      thresholds: [{ max_connections: limit, max_pending_requests: limit, max_requests: limit }],
    },
    ...(endsInHttp2(plan) ? { typed_extension_protocol_options: { [optionsName]: http2 } } : {}),
    load_assignment: {
      cluster_name: 'out',
      endpoints: [{ lb_endpoints: plan.services[0].endpoints.map(buildEndpoint) }],
    },
  };
}

function buildEndpoint(endpoint: string): object {
  const [address, port] = endpoint.split(':');
  return { endpoint: { address: { socket_address: { address, port_value: Number(port) } } } };
}

function buildHttpFilter(codec: 'HTTP1' | 'HTTP2'): object {
  const routes = [{ match: { prefix: '/' }, route: { cluster: 'out' } }];
  return {
    name: 'http',
    typed_config: {
      '@type': `${typePrefix}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'in',
      codec_type: codec,
      generate_request_id: false,
      route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
      http2_protocol_options: http2Options,
      http_filters: [
        {
          name: 'router',
          typed_config: { '@type': `${typePrefix}.filters.http.router.v3.Router` },
        },
      ],
    },
  };
}

const typePrefix = 'type.googleapis.com/envoy.extensions';
const tcpFilter = {
  name: 'tcp',
  typed_config: {
    '@type': `${typePrefix}.filters.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: 'in',
    cluster: 'out',
  },
};
const http2Options = { max_concurrent_streams: 1000 };
const optionsName = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const http2 = {
  '@type': `${typePrefix}.upstreams.http.v3.HttpProtocolOptions`,
  explicit_http_config: { http2_protocol_options: http2Options },
};
