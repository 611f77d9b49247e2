/**
 * HTTP/1 for the admin port, on our own decoder: `node:http` costs 6 MB of private memory and a
 * third of the start time, for a few requests a minute. One request at a time and connection,
 * small bodies, and bounds on all of it. What is answered is in `admin.ts`.
 */

import type { Socket } from 'node:net';
import { Timer, type TimerWheel } from '../core/base/timers.ts';
import { decodeRequestHead } from '../core/http/h1/decode-head.ts';
import { Framing, Head } from '../core/http/head.ts';

export interface AdminRequest {
  readonly method: string;
  readonly path: string;
  /** Of the first field with this name (lower-case), empty when there is none. */
  readonly field: (name: string) => string;
  readonly body: string;
  /** The client's address. */
  readonly remoteHost: string;
}

export interface AdminResponse {
  readonly status: number;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

interface AdminServerOptions {
  readonly timers: TimerWheel;
  readonly answer: (request: AdminRequest) => Promise<AdminResponse>;
}

export interface AdminServer {
  accept(socket: Socket): void;
  close(): void;
}

export function createAdminServer(options: AdminServerOptions): AdminServer {
  const connections = new Set<AdminConnection>();
  return {
    accept(socket) {
      if (connections.size >= connectionsMax) {
        socket.destroy();
        return;
      }
      const connection = new AdminConnection(socket, options);
      connections.add(connection);
      socket.on('close', () => {
        connections.delete(connection);
        connection.onClose();
      });
    },
    close() {
      for (const connection of connections) connection.close();
    },
  };
}

class AdminConnection {
  readonly #socket: Socket;
  readonly #options: AdminServerOptions;
  readonly #timer: Timer;
  readonly #head = new Head();
  #bytes: Buffer = Buffer.alloc(0);
  #busy = false;
  #ended = false;

  constructor(socket: Socket, options: AdminServerOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#timer = new Timer({ onTimer: () => socket.destroy() });
    options.timers.arm(this.#timer, idleTimeoutMs);
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.on('end', () => {
      this.#ended = true;
      if (!this.#busy) socket.end();
    });
    socket.resume();
  }

  onClose(): void {
    this.#options.timers.cancel(this.#timer);
  }

  close(): void {
    if (this.#busy) this.#ended = true;
    else this.#socket.destroy();
  }

  #onData(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
    if (this.#busy) {
      // Pipelined requests wait in the socket beyond the next one.
      if (this.#bytes.length > headBytesMax + bodyBytesMax) this.#socket.pause();
      return;
    }
    this.#readRequest();
  }

  #readRequest(): void {
    const head = this.#head;
    const limits = { headBytesMax, headFieldsMax: fieldsMax };
    const end = decodeRequestHead(this.#bytes, 0, this.#bytes.length, limits, head);
    if (end === 0) return;
    if (end < 0) {
      this.#refuse(400, 'malformed request\n');
      return;
    }
    const length = head.framing === Framing.LENGTH ? head.contentLength : 0;
    if (head.framing === Framing.CHUNKED || length > bodyBytesMax) {
      this.#refuse(413, `a body of at most ${bodyBytesMax} bytes with content-length is taken\n`);
      return;
    }
    if (this.#bytes.length < end + length) return;
    const request = this.#createRequest(end, end + length);
    const keepAlive = head.keepAlive;
    this.#bytes = this.#bytes.subarray(end + length);
    head.scanned = 0;
    this.#busy = true;
    this.#options.timers.arm(this.#timer, answerTimeoutMs);
    this.#options.answer(request).then(
      (response) => this.#respond(response, keepAlive, request.method === 'HEAD'),
      () => this.#refuse(500, 'unexpected error\n'),
    );
  }

  #createRequest(bodyStart: number, bodyEnd: number): AdminRequest {
    const head = this.#head;
    const text = (start: number, end: number): string => this.#bytes.toString('latin1', start, end);
    const fields = new Map<string, string>();
    for (let index = 0; index < head.count; index++) {
      const [nameStart, nameEnd, start, end] = head.fields.subarray(index * 4, index * 4 + 4);
      const name = text(nameStart, nameEnd).toLowerCase();
      if (!fields.has(name)) fields.set(name, text(start, end));
    }
    const target = head.pathStart === -1 ? '/' : text(head.pathStart, head.targetEnd);
    return {
      method: text(head.methodStart, head.methodEnd),
      path: target.split('?', 1)[0],
      field: (name) => fields.get(name) ?? '',
      body: text(bodyStart, bodyEnd),
      remoteHost: this.#socket.remoteAddress ?? '',
    };
  }

  #respond(response: AdminResponse, keepAlive: boolean, isHead: boolean): void {
    this.#busy = false;
    if (this.#socket.destroyed) return;
    const stays = keepAlive && !this.#ended;
    this.#write(response, stays, isHead);
    if (!stays) {
      this.#socket.end();
      return;
    }
    this.#options.timers.arm(this.#timer, idleTimeoutMs);
    this.#socket.resume();
    if (this.#bytes.length > 0) this.#readRequest();
  }

  #refuse(status: number, body: string): void {
    this.#write({ status, body }, false, false);
    this.#socket.destroySoon();
  }

  #write(response: AdminResponse, keepAlive: boolean, isHead: boolean): void {
    const { status, body, fields = {} } = response;
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    let head = `HTTP/1.1 ${status} ${reasons[status] ?? 'Status'}\r\n`;
    for (const [name, value] of Object.entries(fields)) head += `${name}: ${value}\r\n`;
    if (!keepAlive) head += 'connection: close\r\n';
    if (status !== 204) head += `content-length: ${bytes.length}\r\n`;
    this.#socket.cork();
    this.#socket.write(`${head}\r\n`, 'latin1');
    if (!isHead && status !== 204) this.#socket.write(bytes);
    this.#socket.uncork();
  }
}

const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  204: 'No Content',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Content Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};
const connectionsMax = 64;
const headBytesMax = 8 * 1024;
const fieldsMax = 64;
const bodyBytesMax = 4 * 1024;
const idleTimeoutMs = 60_000;
/** A client that does not read its answer is not waited for longer. */
const answerTimeoutMs = 30_000;
