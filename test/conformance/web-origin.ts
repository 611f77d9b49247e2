/**
 * One small web application, served by `node:http` or by `node:http2`: what programs ask for when
 * they are to show how a proxy carries bodies, trailers, early hints, and ends before the end.
 */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import type { TestContext } from 'node:test';

export interface WebOrigin {
  readonly port: number;
  readonly protocol: 'http1' | 'http2';
  /** Requests that their client left before they were answered. */
  readonly left: number;
  /** Resolves when so many have been left. */
  untilLeft(count: number): Promise<void>;
}

/** The bytes of `/bytes/N`. */
export function bytesOf(size: number): Buffer {
  return Buffer.alloc(size, 'a line of some thirty bytes..\n');
}

export function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export async function startWebOrigin(
  t: TestContext,
  protocol: WebOrigin['protocol'],
): Promise<WebOrigin> {
  const application = new Application(protocol);
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    application.serve(request, response);
  };
  application.port = protocol === 'http1' ? await startHttp1(t, serve) : await startHttp2(t, serve);
  return application;
}

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

async function startHttp1(t: TestContext, serve: Serve): Promise<number> {
  const server = createServer({ keepAliveTimeout: 60_000, maxHeaderSize: 65_536 }, serve);
  t.after(() => server.closeAllConnections());
  return listen(t, server);
}

async function startHttp2(t: TestContext, serve: Serve): Promise<number> {
  const sessions = new Set<ServerHttp2Session>();
  // Both kinds of requests and responses have what the application uses of them.
  const server = createHttp2Server(serve as unknown as Parameters<typeof createHttp2Server>[1]);
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => session.destroy());
    session.on('close', () => sessions.delete(session));
  });
  t.after(() => {
    for (const session of sessions) session.destroy();
  });
  return listen(t, server);
}

/** Its port of 127.0.0.1, until the test has ended. */
export async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

class Application implements WebOrigin {
  port = 0;
  readonly protocol: WebOrigin['protocol'];
  left = 0;
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(protocol: WebOrigin['protocol']) {
    this.protocol = protocol;
  }

  untilLeft(count: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.left >= count) resolve();
      else this.#waiting.push({ count, resolve });
    });
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    // A client that goes takes its stream with it.
    response.on('error', () => {});
    request.on('error', () => {});
    const [, what, argument] = (request.url ?? '/').split('/');
    response.setHeader('x-origin', request.httpVersionMajor === 2 ? 'http2' : 'http1');
    switch (what) {
      case 'bytes':
        response.end(bytesOf(Number(argument)));
        break;
      case 'echo':
        response.setHeader('content-type', request.headers['content-type'] ?? 'none');
        request.pipe(response);
        break;
      case 'early':
        response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' }, () => {});
        response.end('after early hints');
        break;
      case 'endless':
        this.#answerUntilLeft(response);
        break;
      case 'fields':
        response.end(JSON.stringify(request.headers));
        break;
      case 'hash':
        answerHash(request, response);
        break;
      case 'status':
        response.statusCode = Number(argument);
        response.end();
        break;
      case 'trailers':
        response.setHeader('trailer', 'x-checksum');
        response.write('before trailers');
        response.addTrailers({ 'x-checksum': '0123abcd' });
        response.end();
        break;
      default:
        response.end('hello');
    }
  }

  /** A line now and then: who has left over HTTP/1.1 is noticed when something is sent. */
  #answerUntilLeft(response: ServerResponse): void {
    const lines = setInterval(() => response.write('one more line\n'), 20);
    response.on('close', () => {
      clearInterval(lines);
      this.left += 1;
      for (const { count, resolve } of this.#waiting) if (this.left >= count) resolve();
    });
  }
}

function answerHash(request: IncomingMessage, response: ServerResponse): void {
  const hash = createHash('sha256');
  let size = 0;
  request.on('data', (bytes: Buffer) => {
    hash.update(bytes);
    size += bytes.length;
  });
  request.on('end', () => {
    const trailers = JSON.stringify(request.trailers);
    response.end(`${size} ${hash.digest('hex')} ${trailers}`);
  });
}
