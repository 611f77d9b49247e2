/**
 * Goal: a browser that has the outbound port as its proxy loads a page with all that belongs to it.
 * Method: Chromium without a window; the page reports what has arrived, by a request of its own.
 */

import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { makeFolder } from '../support/process.ts';
import { startMesh } from './mesh.ts';
import { missing, start } from './programs.ts';
import { listen } from './web-origin.ts';

test('Chromium', { skip: missing('chromium') }, async (t) => {
  const site = await startSite(t);
  const mesh = await startMesh(t, { site: { port: site.port, protocol: 'http1' } });
  for (const way of mesh.ways('site')) {
    await t.test(`by ${way.name}`, async (t) => {
      const proxy = `--proxy-server=http://127.0.0.1:${mesh.outbound}`;
      const folder = `--user-data-dir=${makeFolder(t)}`;
      start(t, 'chromium', [...quiet, folder, proxy, `http://${way.service}/`]);
      assert.deepEqual(JSON.parse(await site.nextReport()), {
        style: 'rgb(1, 2, 3)',
        image: 2,
        images: 60,
        script: 'ran',
        posted: 300_000,
        streamed: 'one two three ',
        event: 'news',
        socket: 'echo over a tunnel',
      });
    });
  }
  await t.test('nothing is left', () => mesh.assertQuiet());
});

interface Site {
  readonly port: number;
  nextReport(): Promise<string>;
}

async function startSite(t: TestContext): Promise<Site> {
  let report = Promise.withResolvers<string>();
  const server = createServer((request, response) => {
    if (request.url === '/report') {
      void text(request).then((body) => report.resolve(body));
      response.end();
    } else {
      void answer(request, response);
    }
  });
  const sockets = new WebSocketServer({ server, path: '/socket' });
  sockets.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => socket.send(`echo ${data.toString()}`));
  });
  t.after(() => {
    for (const client of sockets.clients) client.terminate();
    sockets.close();
    server.closeAllConnections();
  });
  return {
    port: await listen(t, server),
    nextReport: async () => {
      const text = await report.promise;
      report = Promise.withResolvers();
      return text;
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path] = (request.url ?? '/').split('?');
  const type = types.get(path);
  if (type !== undefined) response.setHeader('content-type', type);
  switch (path) {
    case '/':
      response.end(page);
      return;
    case '/style.css':
      response.end('body { color: rgb(1, 2, 3); }');
      return;
    case '/script.js':
      response.end('window.ran = "ran";');
      return;
    case '/image.svg':
      response.end('<svg xmlns="http://www.w3.org/2000/svg" width="2" height="2"/>');
      return;
    case '/post':
      response.end(String((await text(request)).length));
      return;
    case '/stream':
      for (const word of ['one ', 'two ', 'three ']) response.write(word);
      response.end();
      return;
    case '/events': {
      // Who has left over HTTP/1.1 is noticed when something is sent.
      const news = setInterval(() => response.write('data: news\n\n'), 20);
      response.on('close', () => clearInterval(news));
      return;
    }
    default:
      response.statusCode = 404;
      response.end();
  }
}

const types = new Map([
  ['/', 'text/html'],
  ['/style.css', 'text/css'],
  ['/script.js', 'text/javascript'],
  ['/image.svg', 'image/svg+xml'],
  ['/stream', 'text/plain'],
  ['/events', 'text/event-stream'],
]);

const page = `<!doctype html><html><head>
<link rel="stylesheet" href="/style.css"><script src="/script.js"></script></head>
<body>page<script type="module">
const loadImage = (name) => new Promise((resolve, reject) => {
  const image = new Image();
  image.onload = () => resolve(image.naturalWidth);
  image.onerror = reject;
  image.src = '/image.svg?' + name;
});
const fetchText = async (path, options) => (await fetch(path, options)).text();
const first = (source) => new Promise((resolve, reject) => {
  source.onmessage = ({ data }) => { source.close(); resolve(data); };
  source.onerror = reject;
});
const socket = new WebSocket('ws://' + location.host + '/socket');
const said = first(socket);
socket.onopen = () => socket.send('over a tunnel');
const widths = await Promise.all(Array.from({ length: 60 }, (_, at) => loadImage(at)));
const report = {
  style: getComputedStyle(document.body).color,
  image: widths[0],
  images: widths.length,
  script: window.ran,
  posted: Number(await fetchText('/post', { method: 'POST', body: 'x'.repeat(300000) })),
  streamed: await fetchText('/stream'),
  event: await first(new EventSource('/events')),
  socket: await said,
};
await fetch('/report', { method: 'POST', body: JSON.stringify(report) });
</script></body></html>`;

/** Nothing that would call home, and no traces. */
const quiet = (
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync ' +
  '--disable-background-networking --disable-component-update --disable-dev-shm-usage ' +
  '--disable-breakpad --no-default-browser-check --disable-default-apps'
).split(' ');
