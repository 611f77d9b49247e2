/**
 * Many clients in one process, whose descriptors are not the test's: `pod-crowd.ts IP COUNT` opens
 * COUNT connections to port 8080, has a request answered on each, keeps all of them, and tells its
 * parent how many were answered; every message is another round. It ends with its parent.
 */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const [host, count] = process.argv.slice(2);
const atOnceMax = 100;
const sockets: Socket[] = [];

/** What is wrong; '' when the answer is one. */
async function exchange(socket: Socket): Promise<string> {
  socket.write('GET /crowd HTTP/1.1\r\nhost: web\r\n\r\n');
  let heard = '';
  while (!heard.includes('HTTP/1.1 web /crowd')) {
    if (socket.destroyed) return `closed behind "${heard}"`;
    const [bytes] = (await Promise.race([once(socket, 'data'), once(socket, 'close')])) as [
      unknown,
    ];
    if (!Buffer.isBuffer(bytes)) return `closed behind "${heard}"`;
    heard += bytes.toString('latin1');
  }
  return heard.startsWith('HTTP/1.1 200 ') ? '' : heard;
}

async function round(): Promise<void> {
  const failures: string[] = [];
  let next = 0;
  let answered = 0;
  const run = async (): Promise<void> => {
    while (next < Number(count)) {
      const index = next++;
      const problem = await exchange(await open(index)).catch(String);
      if (problem === '') answered += 1;
      else failures.push(problem);
    }
  };
  await Promise.all(Array.from({ length: atOnceMax }, run));
  process.send?.({ answered, failures: failures.slice(0, 10) });
}

async function open(index: number): Promise<Socket> {
  const there = sockets[index];
  if (there !== undefined) return there;
  const socket = connect(8080, host);
  await once(socket, 'connect');
  socket.on('error', () => {});
  sockets[index] = socket;
  return socket;
}

process.on('message', () => void round());
process.once('disconnect', () => process.exit());
