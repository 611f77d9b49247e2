/** The demo's TCP service: sends back what it gets. */

import { createServer } from 'node:net';
import { serveApp } from './app.ts';

const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
  socket.on('error', () => undefined);
  socket.pipe(socket);
});

serveApp(server, Number(process.argv[2] ?? '0'));
