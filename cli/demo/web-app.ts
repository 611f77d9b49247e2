/** The demo's front: answers with what `users` says, which it asks through its own proxy. */

import { Agent, createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { serveApp } from './app.ts';

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
let outboundPort = 0;

process.on('message', (message: { outboundPort: number }) => {
  outboundPort = message.outboundPort;
});

serveApp(createServer(answer), Number(process.argv[2] ?? '0'));

function answer(_: IncomingMessage, response: ServerResponse): void {
  const headers = { host: 'users' };
  const options = { host: '127.0.0.1', port: outboundPort, path: '/users/1', headers, agent };
  const upstream = get(options, (reply) => {
    let body = '';
    reply.setEncoding('utf8');
    reply.on('data', (part: string) => {
      body += part;
    });
    reply.on('end', () => {
      if (reply.statusCode === 200) send(response, 200, `Hello from web. users says: ${body}`);
      else send(response, 502, `web: users answered ${reply.statusCode}: ${body}\n`);
    });
    reply.on('error', (error) => send(response, 502, `web: ${error.message}\n`));
  });
  upstream.on('error', (error) => send(response, 502, `web: ${error.message}\n`));
}

function send(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) return;
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}
