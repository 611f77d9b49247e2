/**
 * What runs in a pod of `pods.ts`: words that `--` divides, one thing after another, each of which
 * says in a line how it went:
 *
 *   serve                     an application that says who calls it and what for: HTTP/1.1 on 8080,
 *                             HTTP/2 on 8081, bytes sent back on 9000, speaks first on 9001
 *   http1 IP PORT NAME [PATH] a request for NAME; PATH may be a whole URL, FIELD=VALUE after it
 *   http2 IP PORT NAME        the same by HTTP/2
 *   raw IP PORT TEXT          TEXT without an end; the first bytes that come back
 *   listen IP PORT            nothing; the first bytes that come
 */

import { type EventEmitter, once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { connect, createServer as createTcpServer } from 'node:net';
import { text } from 'node:stream/consumers';

async function run([command, ...words]: readonly string[]): Promise<void> {
  const [host, port, name = ''] = words;
  if (command === 'serve') serve();
  else if (command === 'http1') await askHttp1(words);
  else if (command === 'http2') await askHttp2(host, Number(port), name);
  else if (command === 'raw') await exchange(host, Number(port), name);
  else if (command === 'listen') await exchange(host, Number(port), '');
  else throw new Error(`no such command: ${command}`);
}

function serve(): void {
  const http1 = createServer((incoming, response) => {
    const { host = '' } = incoming.headers;
    const caller = String(incoming.headers['l5d-client-id'] ?? 'nobody');
    const { remoteAddress = '' } = incoming.socket;
    response.end(`HTTP/1.1 ${host} ${incoming.url ?? ''} for ${caller} from ${remoteAddress}`);
  });
  const http2 = createHttp2Server((incoming, response) => {
    response.end(`HTTP/2 ${incoming.authority} from ${String(incoming.socket.remoteAddress)}`);
  });
  const raw = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      const { remoteAddress = '', localAddress = '' } = socket;
      socket.write(`${String(bytes)} from ${remoteAddress} at ${localAddress}`);
    });
  });
  const first = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.write(`220 ${String(socket.localAddress)} speaks first`);
  });
  http1.listen(8080, '::');
  http2.listen(8081, '::');
  raw.listen(9000, '::');
  first.listen(9001, '::', () => say('serving'));
}

async function askHttp1(words: readonly string[]): Promise<void> {
  const [host, port, name, path = '/', ...fields] = words;
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
  const session = connectHttp2(`http://${host.includes(':') ? `[${host}]` : host}:${port}`);
  session.on('error', (error) => say(`failed ${error.message}`));
  const stream = session.request({ ':path': '/', ':authority': name });
  stream.on('error', () => {});
  const [headers] = await once(stream, 'response');
  say(`${headers[':status']} ${(await text(stream)).trim()}`);
  session.close();
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

/** An error is not the end of what there is to do. */
function untilClosed(connection: EventEmitter): Promise<unknown> {
  return new Promise((resolve) => connection.once('close', resolve));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

for (const words of process.argv.slice(2).join('\n').split('\n--\n')) await run(words.split('\n'));
