/**
 * Writes the responses of one server connection: heads framed anew for what the client speaks,
 * bodies by length or in chunks, and the answers that the proxy makes itself.
 */

import { assert } from '../../base/assert.ts';
import type { Conduit } from '../../io/conduit.ts';
import { outputBytes } from '../../io/io.ts';
import type { Exchange } from '../exchange.ts';
import { Framing, type Head, Method } from '../head.ts';
import { chunkHeaderBytesMax, encodeChunkHeader, encodeResponseHead } from './encode.ts';
import { writeTrailers } from './write-trailers.ts';

export class ResponseWriter {
  /** The client can tell a truncated response from a whole one. */
  framed = false;
  readonly #socket: Conduit;
  #chunking = false;

  constructor(socket: Conduit) {
    this.#socket = socket;
  }

  /** Writes a final head. Returns whether the connection has to end after this response. */
  respond(x: Exchange, close: boolean): boolean {
    x.responseStarted = true;
    const socket = this.#socket;
    const head = x.response;
    if (head === null) {
      socket.writeLatin1(syntheticText(x, close));
      return close;
    }
    let framing = head.framing;
    const oldClient = x.request.minor === 0;
    if (framing === Framing.CLOSE && !oldClient) framing = Framing.CHUNKED;
    else if (framing === Framing.CHUNKED && oldClient) framing = Framing.CLOSE;
    const ends = close || framing === Framing.CLOSE;
    this.#chunking = framing === Framing.CHUNKED;
    this.framed = framing !== Framing.CLOSE;
    const out = socket.reserve(outputBytes - 1);
    const at = socket.outLength;
    const extra = x.syntheticFields;
    const end = encodeResponseHead(head, out, at, x.request.minor, ends, framing, extra);
    assert(end > 0, 'a response head fits an output buffer');
    socket.commit(end);
    return ends;
  }

  informational(x: Exchange): void {
    const head = x.response;
    if (head === null || x.request.minor === 0) return;
    const socket = this.#socket;
    const out = socket.reserve(outputBytes - 1);
    const at = socket.outLength;
    socket.commit(encodeResponseHead(head, out, at, 1, false, Framing.NONE, ''));
  }

  data(x: Exchange, bytes: Buffer, start: number, end: number): void {
    const socket = this.#socket;
    x.responseBytes += end - start;
    if (!this.#chunking) {
      socket.write(bytes, start, end);
      return;
    }
    const out = socket.reserve(chunkHeaderBytesMax);
    socket.commit(encodeChunkHeader(end - start, out, socket.outLength));
    socket.write(bytes, start, end);
    socket.writeLatin1('\r\n');
  }

  trailers(fields: Head): void {
    if (!this.#chunking) return;
    writeTrailers(this.#socket, fields);
    this.#chunking = false;
  }

  end(): void {
    if (this.#chunking) this.#socket.writeLatin1('0\r\n\r\n');
    this.#chunking = false;
  }
}

function syntheticText(x: Exchange, close: boolean): string {
  const closing = close ? 'connection: close\r\n' : '';
  const body = x.request.method === Method.HEAD ? '' : x.syntheticBody;
  const line = `HTTP/1.1 ${x.status} ${x.syntheticReason}\r\n`;
  const length = `content-length: ${x.syntheticBody.length}\r\n`;
  return `${line}${x.syntheticFields}${closing}${length}\r\n${body}`;
}
