/** Ports for the demo: the usual ones where they are free. */

import { createServer } from 'node:net';

/**
 * `wanted` or, where it is taken, any that is free. It is bound and let go again: somebody else
 * may take it before a proxy does, so a proxy that finds it taken is started again with another.
 */
export async function choosePort(wanted: number): Promise<number> {
  const port = (await bindOnce(wanted)) ?? (await bindOnce(0));
  if (port === null) throw new Error('no port of 127.0.0.1 is free');
  return port;
}

function bindOnce(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      const bound = address !== null && typeof address === 'object' ? address.port : null;
      server.close(() => resolve(bound));
    });
  });
}
