/**
 * Envoy with one worker: HTTP connection manager and router, or tcp_proxy. Its request ids are
 * switched off and its connection limits raised, so that it does no work that others do not do.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Hop, type HopProtocol, type HopTls, planHop } from './hop.ts';
import { benchDir, findProgram, type Peer, requireProgram } from './peer.ts';
import { findFreePorts, type Run, type Started } from './run.ts';

export const envoy: Peer = {
  name: 'envoy',
  find: () => findProgram('envoy', join(benchDir, 'envoy', 'envoy')),
  refuse: (plan) => (plan.services.length > 1 ? 'compared with one service only' : null),
  start: async (run, plan) => {
    const [port] = await findFreePorts(1);
    const started = await startEnvoy(run, planHop(plan, port), plan.cores);
    return { name: 'envoy', pids: [started.pid], port, end: () => run.end(started) };
  },
};

export async function startEnvoy(run: Run, hop: Hop, cores: string | null): Promise<Started> {
  const file = join(run.makeFolder('envoy'), 'envoy.json');
  writeFileSync(file, JSON.stringify(buildConfig(hop)));
  const args = ['-c', file, '--concurrency', '1', '--disable-hot-restart', '-l', 'error'];
  const started = run.start({ name: 'envoy', command: requireProgram(envoy.find()), args, cores });
  await run.waitForPort(started, hop.port);
  return started;
}

function buildConfig(hop: Hop): object {
  const filter = hop.clients === 'opaque' ? tcpFilter : buildHttpFilter(hop.clients);
  const tls = hop.clientTls === null ? {} : { transport_socket: acceptTls(hop, hop.clientTls) };
  return {
    static_resources: {
      listeners: [
        {
          name: 'in',
          address: { socket_address: { address: '127.0.0.1', port_value: hop.port } },
          tcp_backlog_size: 8192,
          filter_chains: [{ filters: [filter], ...tls }],
        },
      ],
      clusters: [buildCluster(hop)],
    },
  };
}

function buildCluster(hop: Hop): object {
  const limit = 100_000;
  const options = { typed_extension_protocol_options: { [optionsName]: http2 } };
  return {
    name: 'out',
    type: 'STATIC',
    connect_timeout: '1s',
    lb_policy: 'LEAST_REQUEST',
    circuit_breakers: {
      thresholds: [{ max_connections: limit, max_pending_requests: limit, max_requests: limit }],
    },
    ...(hop.servers === 'http2' ? options : {}),
    ...(hop.serverTls === null ? {} : { transport_socket: dialTls(hop, hop.serverTls) }),
    load_assignment: {
      cluster_name: 'out',
      endpoints: [{ lb_endpoints: hop.endpoints.map(buildEndpoint) }],
    },
  };
}

function acceptTls(hop: Hop, tls: HopTls): object {
  return {
    name: 'tls',
    typed_config: {
      '@type': `${typePrefix}.transport_sockets.tls.v3.DownstreamTlsContext`,
      require_client_certificate: true,
      disable_stateless_session_resumption: true,
      disable_stateful_session_resumption: true,
      common_tls_context: buildTls(hop.clients, tls),
    },
  };
}

/** Nobody resumes sessions in the mesh. */
function dialTls(hop: Hop, tls: HopTls): object {
  return {
    name: 'tls',
    typed_config: {
      '@type': `${typePrefix}.transport_sockets.tls.v3.UpstreamTlsContext`,
      sni: tls.peerName,
      max_session_keys: 0,
      common_tls_context: buildTls(hop.servers, tls),
    },
  };
}

function buildTls(protocol: HopProtocol, tls: HopTls): object {
  const files = { certificate_chain: fileOf(tls.chain), private_key: fileOf(tls.key) };
  const name = { san_type: 'DNS', matcher: { exact: tls.peerName } };
  return {
    tls_params: {
      tls_minimum_protocol_version: 'TLSv1_3',
      tls_maximum_protocol_version: 'TLSv1_3',
    },
    tls_certificates: [files],
    validation_context: { trusted_ca: fileOf(tls.roots), match_typed_subject_alt_names: [name] },
    ...(protocol === 'http2' ? { alpn_protocols: ['h2'] } : {}),
  };
}

function fileOf(filename: string): object {
  return { filename };
}

function buildEndpoint(endpoint: string): object {
  const [address, port] = endpoint.split(':');
  return { endpoint: { address: { socket_address: { address, port_value: Number(port) } } } };
}

function buildHttpFilter(clients: HopProtocol): object {
  const routes = [{ match: { prefix: '/' }, route: { cluster: 'out' } }];
  return {
    name: 'http',
    typed_config: {
      '@type': `${typePrefix}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'in',
      codec_type: clients === 'http2' ? 'HTTP2' : 'HTTP1',
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
