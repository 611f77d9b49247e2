/**
 * The admin port of a control plane: metrics, readiness, liveness. Paths and texts are those of
 * Linkerd's controllers. For scrapers and probes alone, so Node's own server is enough.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { systemTurn } from '../../core/base/timers.ts';
import { expositionContentType } from '../../core/telemetry/exposition.ts';

interface AdminView {
  isReady(): boolean;
  /** The exposition in slices; other work may run between two of them. */
  renderMetrics(): Promise<Iterable<string>>;
}

/** Whoever owns it lets it listen. */
export function createAdminServer(view: AdminView): Server {
  const server = createServer({ requestTimeout: requestTimeoutMs }, (request, response) => {
    void answer(view, request, response).catch(() => response.destroy());
  });
  server.maxConnections = connectionsMax;
  server.keepAliveTimeout = idleTimeoutMs;
  return server;
}

async function answer(
  view: AdminView,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = '' } = request;
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  switch (request.url?.split('?', 1)[0]) {
    case '/metrics':
      return answerMetrics(view, request, response);
    case '/ready':
      return view.isReady() ? say(response, 200, 'ok\n') : say(response, 503, 'not ready\n');
    case '/live':
      return say(response, 200, 'ok\n');
    case '/ping':
      return say(response, 200, 'pong\n');
    default:
      return say(response, 404, 'not found\n');
  }
}

async function answerMetrics(
  view: AdminView,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const slices: string[] = [];
  for (const slice of await view.renderMetrics()) {
    slices.push(slice);
    // Streams are served between two slices of a large answer.
    await new Promise<void>((resume) => systemTurn(resume));
  }
  response.setHeader('content-type', expositionContentType);
  response.setHeader('vary', 'accept-encoding');
  const body = Buffer.from(slices.join(''));
  if (!/\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/.test(String(request.headers['accept-encoding']))) {
    response.end(body);
    return;
  }
  response.setHeader('content-encoding', 'gzip');
  response.end(await promisify(gzip)(body, { level: 1 }));
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(text);
}

const connectionsMax = 64;
const requestTimeoutMs = 10_000;
const idleTimeoutMs = 60_000;
