/**
 * What runs on a host of `hosts.ts`, one thing at a time, and says in a line how it went:
 *
 *   serve PORT                    an application on the loopback that says who calls it, and what
 *   get URL BODY                  a request by the proxy of HTTP_PROXY
 *   send IP PORT TEXT             plaintext without a proxy; all that comes back
 *   port IP PORT FOLDER NAME TO [SERVICE]   TLS with the certificate of a proxy's folder, to NAME,
 *                                 asking for the port TO in the transport header, of a service
 */

import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { encodeTransportHeader } from '../../core/tls/transport-header.ts';

async function main([command, ...words]: readonly string[]): Promise<void> {
  if (command === 'serve') serve(Number(words[0]));
  else if (command === 'get') await get(words[0], words[1]);
  else if (command === 'send') await send(words[0], Number(words[1]), words[2]);
  else if (command === 'port') await askForPort(words[0], Number(words[1]), words.slice(2));
  else throw new Error(`no such command: ${command}`);
}

function serve(port: number): void {
  const server = createServer((incoming, response) => {
    const caller = String(incoming.headers['l5d-client-id'] ?? 'nobody');
    void text(incoming).then((body) => response.end(`${caller} says ${body}`));
  });
  server.listen(port, '127.0.0.1', () => say(`reached at ${process.env.HEDDLE_INBOUND}`));
}

async function get(url: string, body: string): Promise<void> {
  const { host, port } = new URL(process.env.HTTP_PROXY ?? '');
  const [name] = host.split(':');
  const headers = { host: new URL(url).host };
  const sent = request({ host: name, port, path: url, method: 'POST', headers, agent: false });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const error = String(response.headers['heddle-error'] ?? '');
  say(`answer ${response.statusCode} ${error} ${(await text(response)).trim()}`);
}

async function send(host: string, port: number, words: string): Promise<void> {
  const socket = connect(port, host);
  socket.write(words);
  await sayRest(socket);
}

async function askForPort(host: string, port: number, words: readonly string[]): Promise<void> {
  const [folder, servername, to, name = ''] = words;
  const file = (name: string) => readFileSync(join(folder, name));
  const key = createPrivateKey({ key: file('key.p8'), format: 'der', type: 'pkcs8' });
  const socket = connectTls({
    host,
    port,
    servername,
    ca: file('bundle.crt'),
    cert: file('leaf.crt'),
    key: key.export({ format: 'pem', type: 'pkcs8' }),
    ALPNProtocols: ['transport.l5d.io/v1'],
  });
  await once(socket, 'secureConnect');
  socket.write(
    encodeTransportHeader({ port: Number(to), name, session: name === '' ? null : 'http1' }),
  );
  socket.write(`GET / HTTP/1.0\r\nhost: ${name}\r\n\r\n`);
  await sayRest(socket);
}

/** All that comes, until the other side ends it. */
async function sayRest(socket: Socket): Promise<void> {
  let rest = '';
  socket.on('data', (bytes: Buffer) => {
    rest += bytes.toString('latin1');
  });
  // A reset closes it as well.
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('close', resolve));
  say(`closed ${JSON.stringify(rest)}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

await main(process.argv.slice(2));
