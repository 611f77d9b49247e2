/**
 * A process inside a network namespace, as one user: listens, dials and asks by UDP as its parent
 * says by messages. Every listener says its name to whoever connects, and every datagram is
 * answered by the name of who got it.
 */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type NetConnectOpts } from 'node:net';

/** What a parent asks for. */
export type AgentRequest =
  | { readonly kind: 'listen' | 'receive'; readonly port: number; readonly name: string }
  | { readonly kind: 'dial'; readonly to: NetConnectOpts }
  | { readonly kind: 'ask'; readonly host: string; readonly port: number }
  | { readonly kind: 'user'; readonly uid: number };

async function answer(request: AgentRequest): Promise<string> {
  switch (request.kind) {
    case 'user':
      process.setgid?.(request.uid);
      process.setuid?.(request.uid);
      return '';
    case 'listen': {
      const server = createServer((socket) => socket.on('error', () => {}).end(request.name));
      server.listen(request.port, '::');
      await once(server, 'listening');
      return '';
    }
    case 'receive': {
      const socket = createSocket('udp6');
      socket.on('message', (_, peer) => socket.send(request.name, peer.port, peer.address));
      socket.bind(request.port, '::');
      await once(socket, 'listening');
      return '';
    }
    case 'dial':
      return await dial(request.to);
    default: {
      const socket = createSocket(request.host.includes(':') ? 'udp6' : 'udp4');
      socket.send('?', request.port, request.host);
      const [message] = (await once(socket, 'message', {
        signal: AbortSignal.timeout(answerTimeoutMs),
      })) as [Buffer];
      socket.close();
      return message.toString();
    }
  }
}

/** Who has answered, or the code of the error. */
async function dial(to: NetConnectOpts): Promise<string> {
  const socket = connect(to);
  socket.setTimeout(answerTimeoutMs, () => socket.destroy(new Error('no answer in time')));
  try {
    let text = '';
    for await (const part of socket) text += String(part);
    return text;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
  }
}

const answerTimeoutMs = 5_000;

process.on('message', ({ id, request }: { id: number; request: AgentRequest }) => {
  answer(request).then(
    (text) => process.send?.({ id, text }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
