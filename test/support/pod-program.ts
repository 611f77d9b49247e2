/**
 * What runs in a pod: words that `--` divides, one thing after another, each of which says in a
 * line how it went:
 *
 *   serve                     the application of `pod-application.ts`
 *   http1 IP PORT NAME [PATH] a request for NAME; PATH may be a whole URL, FIELD=VALUE after it
 *   http2 IP PORT NAME        the same by HTTP/2
 *   grpc IP PORT NAME TEXT    a call of gRPC
 *   websocket IP PORT NAME TEXT   a message by WebSocket, and the one that comes back
 *   raw IP PORT TEXT          TEXT without an end; the first bytes that come back
 *   listen IP PORT            nothing; the first bytes that come
 *   login IP PORT TEXT        TEXT behind the first bytes that come; these and the next ones
 *   udp IP PORT TEXT          a datagram, and the one that comes back
 *   exit CODE                 the end of the process
 */

import { createSocket } from 'node:dgram';
import { type EventEmitter, once } from 'node:events';
import { request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

type Task = (host: string, port: number, name: string, ...more: readonly string[]) => unknown;

const tasks: Readonly<Record<string, Task>> = {
  serve: async () => (await import('./pod-application.ts')).serve(say),
  http1: askHttp1,
  http2: askHttp2,
  grpc: async (host, port, name, words = '') => {
    const { callEcho } = await import('./pod-grpc.ts');
    say(await callEcho(`${inUrl(host)}:${port}`, name, words));
  },
  websocket: askWebSocket,
  raw: (host, port, words) => exchange(host, port, words),
  listen: (host, port) => exchange(host, port, ''),
  login,
  udp: sendDatagram,
  exit: (code) => process.exit(Number(code)),
};

async function askHttp1(
  host: string,
  port: number,
  name: string,
  path = '/',
  ...fields: readonly string[]
): Promise<void> {
  const more = fields.map((field) => field.split('='));
  const headers = { host: name, ...Object.fromEntries(more) } as Record<string, string>;
  const sent = request({ host, port, path, headers, agent: false });
  sent.end();
  sent.on('error', (error) => say(`failed ${error.message}`));
  sent.on('response', (response) => {
    const error = String(response.headers['heddle-error'] ?? '');
    void text(response).then((body) =>
      say(`${String(response.statusCode)} ${error} ${body.trim()}`),
    );
  });
  await untilClosed(sent);
}

async function askHttp2(host: string, port: number, name: string): Promise<void> {
  const session = connectHttp2(`http://${inUrl(host)}:${port}`);
  session.on('error', (error) => say(`failed ${error.message}`));
  const stream = session.request({ ':path': '/', ':authority': name });
  stream.on('error', () => {});
  const [headers] = await once(stream, 'response');
  say(`${headers[':status']} ${(await text(stream)).trim()}`);
  session.close();
}

async function askWebSocket(host: string, port: number, name: string, words = ''): Promise<void> {
  const { WebSocket } = await import('ws');
  const socket = new WebSocket(`ws://${inUrl(host)}:${port}/`, { headers: { host: name } });
  socket.on('error', (error) => say(`failed ${error.message}`));
  socket.on('open', () => socket.send(words));
  socket.on('message', (data: Buffer) => {
    say(data.toString());
    socket.close();
  });
  await untilClosed(socket);
}

async function exchange(host: string, port: number, words: string): Promise<void> {
  const socket = connect(port, host);
  socket.on('error', (error) => say(`failed ${error.message}`));
  if (words !== '') socket.write(words);
  socket.once('data', (bytes) => {
    say(String(bytes));
    socket.destroy();
  });
  socket.once('end', () => say('ended'));
  await untilClosed(socket);
}

async function login(host: string, port: number, words: string): Promise<void> {
  const socket = connect(port, host);
  socket.on('error', (error) => say(`failed ${error.message}`));
  socket.once('data', (greeting) => {
    socket.write(words);
    socket.once('data', (bytes) => {
      say(`${String(greeting)} / ${String(bytes)}`);
      socket.destroy();
    });
  });
  await untilClosed(socket);
}

async function sendDatagram(host: string, port: number, words: string): Promise<void> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.send(words, port, host);
  const [bytes] = await once(socket, 'message');
  say(String(bytes));
  socket.close();
}

function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** An error is not the end of what there is to do. */
function untilClosed(connection: EventEmitter): Promise<unknown> {
  return new Promise((resolve) => connection.once('close', resolve));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

for (const words of process.argv.slice(2).join('\n').split('\n--\n')) {
  const [command, host = '', port = '', name = '', ...more] = words.split('\n');
  const task = tasks[command];
  if (task === undefined) throw new Error(`no such task: ${command}`);
  await task(host, Number(port), name, ...more);
}
