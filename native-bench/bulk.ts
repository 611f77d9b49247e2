/**
 * A process: both ends of a bulk transfer on one core. It sends 64 KiB chunks without pause to who
 * connects, connects through the proxy that it is told, and counts what arrives there.
 *
 * Messages in: `{ port }` begins to receive through that port, `count` asks, `stop` ends the
 * transfer. Messages out: `{ port }` of the sender once, then `{ bytes }` for each `count`.
 */

import { connect, createServer, type Socket } from 'node:net';

export type BulkRequest = { readonly port: number } | 'count' | 'stop';
export type BulkReply = { readonly port: number } | { readonly bytes: number };

const chunk = Buffer.alloc(64 * 1024, 'x');
let bytes = 0;
let receiver: Socket | null = null;

function sendForever(socket: Socket): void {
  const send = (): void => {
    while (socket.write(chunk));
  };
  socket.on('error', () => socket.destroy());
  socket.on('drain', send);
  send();
}

function receiveThrough(port: number): void {
  const onread = {
    buffer: Buffer.alloc(256 * 1024),
    callback: (read: number): boolean => {
      bytes += read;
      return true;
    },
  };
  receiver = connect({ host: '127.0.0.1', port, onread });
  receiver.on('error', () => receiver?.destroy());
}

function reply(message: BulkReply): void {
  process.send?.(message);
}

const sender = createServer(sendForever);
sender.listen(0, '127.0.0.1', () => {
  const address = sender.address();
  if (address !== null && typeof address === 'object') reply({ port: address.port });
});
process.on('message', (request: BulkRequest) => {
  if (request === 'count') reply({ bytes });
  else if (request === 'stop') receiver?.destroy();
  else receiveThrough(request.port);
});
process.on('disconnect', () => process.exit(0));
