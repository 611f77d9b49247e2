/**
 * The HTTP/2 of the demo's load: all requests share one session to the edge proxy, as gRPC clients
 * do it; another takes its place when it has ended.
 */

import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { encodeMessage, greetPath } from './greeting.ts';

export class Http2Client {
  readonly #origin: string;
  #session: ClientHttp2Session | null = null;

  /** `port` is the outbound port of a proxy on the loopback. */
  constructor(port: number) {
    this.#origin = `http://127.0.0.1:${port}`;
  }

  /** `done` is called once. What became of it is in the proxies' metrics. */
  getPrice(done: () => void): void {
    const stream = this.#use().request({ ':authority': 'prices', ':path': '/yarn' });
    follow(stream, done);
    stream.end();
  }

  greet(done: () => void): void {
    const stream = this.#use().request({
      ':method': 'POST',
      ':authority': 'greeter',
      ':path': greetPath,
      'content-type': 'application/grpc',
      'grpc-timeout': '2S',
      te: 'trailers',
    });
    follow(stream, done);
    stream.end(encodeMessage('Ada'));
  }

  close(): void {
    this.#session?.destroy();
  }

  #use(): ClientHttp2Session {
    const known = this.#session;
    if (known !== null && !known.closed && !known.destroyed) return known;
    const session = connect(this.#origin);
    session.on('error', () => undefined);
    this.#session = session;
    return session;
  }
}

function follow(stream: ClientHttp2Stream, done: () => void): void {
  stream.on('error', () => undefined);
  stream.on('close', done);
  stream.resume();
}
