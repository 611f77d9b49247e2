/**
 * The demo's front: answers with what `users` says. It knows nothing of a mesh: `heddle run` has
 * set the variables by which Node finds a proxy.
 */

import {
  createServer,
  get,
  globalAgent,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { serveApp } from './app.ts';

globalAgent.maxSockets = 64;

serveApp(createServer(answer), Number(process.argv[2]));

function answer(_: IncomingMessage, response: ServerResponse): void {
  const upstream = get('http://users/users/1', (reply) => {
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
