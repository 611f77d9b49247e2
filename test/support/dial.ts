/** A client for tests: says something and waits for an answer or for the end. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Address } from '../../api/settings.ts';

export async function dial(address: Address): Promise<Socket> {
  const socket = connect(address.port, address.host);
  socket.setNoDelay(true);
  await once(socket, 'connect');
  return socket;
}

/** The next bytes after `text` was sent. */
export async function ask(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  return bytes.toString('latin1');
}

/** How a connection ended: an error code, or `closed`. */
export function untilEnd(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let code = 'closed';
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code ?? error.message;
    });
    socket.on('close', () => resolve(code));
    socket.resume();
  });
}
