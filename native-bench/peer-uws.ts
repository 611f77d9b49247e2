/**
 * uWebSockets.js where its package loads. It has no client, so it answers by itself: about half of
 * a proxied exchange, shown as a floor for a native server driven from JavaScript.
 */

import { existsSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { benchDir, type Peer } from './peer.ts';
import { fetchText } from './peer-nginx.ts';
import { findFreePorts } from './run.ts';

export const uws: Peer = {
  name: 'uws',
  find: () => {
    if (existsSync(join(benchDir, 'uws', 'loads'))) {
      return { kind: 'found', program: process.execPath };
    }
    const reason = 'no @uwsjs/core that loads here (needs glibc >= 2.38); tools/bench-peers.sh';
    return { kind: 'missing', reason };
  },
  refuse: (plan) =>
    plan.protocol !== 'http' || plan.services.length > 1 ? 'it answers HTTP/1.1 by itself' : null,
  start: async (run, plan) => {
    const [port, countPort] = await findFreePorts(2);
    const server = join(import.meta.dirname, 'uws-server.ts');
    const args = [server, join(benchDir, 'uws'), String(port), String(countPort)];
    const command = process.execPath;
    const started = run.start({ name: 'uws', command, args, cores: plan.cores });
    await run.waitForPort(started, countPort);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const end = async (): Promise<void> => {
      agent.destroy();
      await run.end(started);
    };
    const count = async (): Promise<number> => Number(await fetchText(countPort, agent));
    return { name: 'uws (answers itself)', pids: [started.pid], port, count, end };
  },
};
