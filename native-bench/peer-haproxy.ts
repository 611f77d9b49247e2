/** HAProxy, in HTTP mode with connections to the origin that any client may use, or in TCP mode. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Hop, type HopProtocol, type HopTls, planHop } from './hop.ts';
import { findProgram, type Peer, requireProgram } from './peer.ts';
import { findFreePorts, type Run, type Started } from './run.ts';

export const haproxy: Peer = {
  name: 'haproxy',
  find: () => findProgram('haproxy'),
  refuse: (plan) => (plan.services.length > 1 ? 'compared with one service only' : null),
  start: async (run, plan) => {
    const [port] = await findFreePorts(1);
    const started = await startHaproxy(run, planHop(plan, port), plan.cores);
    return { name: 'haproxy', pids: [started.pid], port, end: () => run.end(started) };
  },
};

export async function startHaproxy(run: Run, hop: Hop, cores: string | null): Promise<Started> {
  const file = join(run.makeFolder('haproxy'), 'haproxy.cfg');
  writeFileSync(file, writeConfig(hop));
  const command = requireProgram(haproxy.find());
  const started = run.start({ name: 'haproxy', command, args: ['-db', '-f', file], cores });
  await run.waitForPort(started, hop.port);
  return started;
}

function writeConfig(hop: Hop): string {
  const http = hop.clients !== 'opaque';
  const client = hop.clientTls === null ? protocolOf(hop.clients) : acceptTls(hop.clientTls);
  const server = hop.serverTls === null ? protocolOf(hop.servers) : dialTls(hop.serverTls);
  const clientAlpn = hop.clientTls === null ? '' : alpnOf(hop.clients);
  const serverAlpn = hop.serverTls === null ? '' : alpnOf(hop.servers);
  return [
    'global',
    '  nbthread 1',
    '  maxconn 9000',
    '  tune.h2.max-concurrent-streams 1000',
    `  ssl-default-bind-ciphersuites ${cipherSuite}`,
    `  ssl-default-server-ciphersuites ${cipherSuite}`,
    'defaults',
    `  mode ${http ? 'http' : 'tcp'}`,
    ...(http ? ['  http-reuse always'] : []),
    '  timeout connect 1s',
    '  timeout client 300s',
    '  timeout server 300s',
    'frontend in',
    `  bind 127.0.0.1:${hop.port} backlog 8192${client}${clientAlpn}`,
    '  default_backend out',
    'backend out',
    ...hop.endpoints.map(
      (endpoint, index) => `  server s${index} ${endpoint}${server}${serverAlpn}`,
    ),
    '',
  ].join('\n');
}

function protocolOf(protocol: HopProtocol): string {
  return protocol === 'http2' ? ' proto h2' : '';
}

function alpnOf(protocol: HopProtocol): string {
  return protocol === 'http2' ? ' alpn h2' : '';
}

function acceptTls(tls: HopTls): string {
  const files = `crt ${tls.chainAndKey} ca-file ${tls.roots}`;
  return ` ssl ${files} verify required ssl-min-ver TLSv1.3 no-tls-tickets`;
}

/** Nobody resumes sessions in the mesh. */
function dialTls(tls: HopTls): string {
  const files = `crt ${tls.chainAndKey} ca-file ${tls.roots}`;
  const name = `sni str(${tls.peerName}) verifyhost ${tls.peerName}`;
  return ` ssl ${files} verify required ${name} ssl-min-ver TLSv1.3 no-ssl-reuse`;
}

const cipherSuite = 'TLS_AES_128_GCM_SHA256';
