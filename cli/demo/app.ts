/** What the demo's applications share: one port, and a line that says that it serves. */

import type { Server } from 'node:net';

/** Listens on the loopback, and tells whoever reads stdout. */
export function serveApp(server: Server, port: number): void {
  server.listen(port, '127.0.0.1', () => {
    console.log(JSON.stringify({ pid: process.pid, port }));
  });
}
