/** What the demo's applications share: one port, said to who started them, and a sure end. */

import type { Server } from 'node:net';

/** Listens on the loopback, on `port` or a free one for 0, and tells the parent which. */
export function serveApp(server: Server, port: number): void {
  server.listen(port, '127.0.0.1', () => {
    const address = server.address();
    if (address !== null && typeof address === 'object') process.send?.({ port: address.port });
  });
  endWithParent();
}

/** Ctrl-C reaches the whole terminal; when an application ends is up to the demo. */
function endWithParent(): void {
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit(0));
}
