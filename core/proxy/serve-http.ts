/** Hands a connection to the server of HTTP that its first bytes ask for. */

import { H1Server } from '../http/h1/server.ts';
import { H2Server } from '../http/h2/server.ts';
import type { Conduit } from '../io/conduit.ts';
import type { Admission } from './admission.ts';
import type { ClientGroup } from './client-group.ts';
import type { Target } from './target.ts';

/**
 * `bytes` up to `length` were read from the connection before. `admission`: by what else its
 * requests are judged than by their target.
 */
export function serveHttp(
  clients: ClientGroup,
  conduit: Conduit,
  target: Target | null,
  version: 'http1' | 'http2',
  bytes: Buffer,
  length: number,
  admission: Admission | null = null,
): void {
  const { io } = clients.direction.core;
  io.enter();
  const Server = version === 'http2' ? H2Server : H1Server;
  const server = new Server(clients.server, conduit, target);
  server.grant = admission;
  conduit.resume();
  if (length > 0) server.onBytes(bytes, length);
  if (conduit.readEnded && !conduit.destroyed) server.onEnd();
  io.leave();
}
