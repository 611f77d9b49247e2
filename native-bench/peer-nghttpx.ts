/**
 * nghttpx, the proxy of nghttp2, with one worker. The fields that it adds by default are switched
 * off, and its limit of streams is raised.
 */

import { endsInHttp2, findProgram, type Peer, requireProgram } from './peer.ts';
import { findFreePorts } from './run.ts';

export const nghttpx: Peer = {
  name: 'nghttpx',
  find: () => findProgram('nghttpx'),
  refuse: (plan) => {
    if (plan.services.length > 1) return 'compared with one service only';
    return endsInHttp2(plan) ? null : 'compared where HTTP/2 is spoken';
  },
  start: async (run, plan) => {
    const [port] = await findFreePorts(1);
    const backends = plan.services[0].endpoints.map(
      (endpoint) => `--backend=${endpoint.replace(':', ',')};;proto=h2`,
    );
    const args = [
      '--conf=/dev/null',
      `--frontend=127.0.0.1,${port};no-tls`,
      ...backends,
      '--workers=1',
      '--no-via',
      '--no-add-x-forwarded-proto',
      '--frontend-http2-max-concurrent-streams=1000',
      '--backend-http2-max-concurrent-streams=1000',
    ];
    const command = requireProgram(nghttpx.find());
    const started = run.start({ name: 'nghttpx', command, args, cores: plan.cores });
    await run.waitForPort(started, port);
    return { name: 'nghttpx', pids: [started.pid], port, end: () => run.end(started) };
  },
};
