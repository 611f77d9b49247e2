/** HAProxy, in HTTP mode with connections to the origin that any client may use, or in TCP mode. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endsInHttp2, findProgram, type Peer, type Plan, requireProgram } from './peer.ts';
import { findFreePorts } from './run.ts';

export const haproxy: Peer = {
  name: 'haproxy',
  find: () => findProgram('haproxy'),
  refuse: (plan) => (plan.services.length > 1 ? 'compared with one service only' : null),
  start: async (run, plan) => {
    const [port] = await findFreePorts(1);
    const file = join(run.makeFolder('haproxy'), 'haproxy.cfg');
    writeFileSync(file, writeConfig(plan, port));
    const command = requireProgram(haproxy.find());
    const options = { name: 'haproxy', command, args: ['-db', '-f', file], cores: plan.cores };
    const started = run.start(options);
    await run.waitForPort(started, port);
    return { name: 'haproxy', pid: started.pid, port, end: () => run.end(started) };
  },
};

function writeConfig(plan: Plan, port: number): string {
  const http = plan.protocol !== 'opaque';
  const clientProtocol = plan.protocol === 'http2' ? ' proto h2' : '';
  const serverProtocol = endsInHttp2(plan) ? ' proto h2' : '';
  return [
    'global',
    '  nbthread 1',
    '  maxconn 9000',
    '  tune.h2.max-concurrent-streams 1000',
    'defaults',
    `  mode ${http ? 'http' : 'tcp'}`,
    ...(http ? ['  http-reuse always'] : []),
    '  timeout connect 1s',
    '  timeout client 300s',
    '  timeout server 300s',
    'frontend in',
    `  bind 127.0.0.1:${port} backlog 8192${clientProtocol}`,
    '  default_backend out',
    'backend out',
    ...plan.services[0].endpoints.map(
      (endpoint, index) => `  server s${index} ${endpoint}${serverProtocol}`,
    ),
    '',
  ].join('\n');
}
