/** The demo's `prices`, which speaks HTTP/2 and says so, whatever its caller speaks. */

import { createServer } from 'node:http2';
import { serveApp } from './app.ts';

const server = createServer((request, response) => {
  const item = request.url.slice(1);
  const cents = prices.get(item);
  const body = cents === undefined ? { items: [...prices.keys()] } : { item, cents };
  response
    .writeHead(cents === undefined && item !== '' ? 404 : 200, {
      'content-type': 'application/json',
    })
    .end(`${JSON.stringify({ ...body, httpVersion: request.httpVersion })}\n`);
});

const prices: ReadonlyMap<string, number> = new Map([
  ['yarn', 420],
  ['heddle', 1_900],
  ['loom', 129_000],
]);

serveApp(server, Number(process.argv[2] ?? '0'));
