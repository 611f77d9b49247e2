/**
 * Raw connections for tests that list exact bytes: a client that writes and waits for bytes, and an
 * origin that records what it is sent and answers by a script. Every wait has an end.
 */

import { connect, createServer, type Server, type Socket } from 'node:net';

const waitMs = 10_000;

/** Lets tests wait for a condition that events may make true. */
class Waiting {
  #wake: (() => void)[] = [];

  notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  async until(what: string, done: () => boolean, shown: () => string = () => ''): Promise<void> {
    if (done()) return;
    const limit = { late: false };
    const timer = setTimeout(() => {
      limit.late = true;
      this.notify();
    }, waitMs);
    do {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    } while (!done() && !limit.late);
    clearTimeout(timer);
    if (!done()) throw new Error(`waited for ${what}; ${shown()}`);
  }
}

/** One end of a connection; everything received is kept as latin1 text. */
export class Wire {
  readonly socket: Socket;
  received = '';
  /** The peer has sent its last byte. */
  ended = false;
  closed = false;
  readonly #waiting = new Waiting();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.received += bytes.toString('latin1');
      this.#waiting.notify();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#waiting.notify();
    });
    socket.on('close', () => {
      this.closed = true;
      this.#waiting.notify();
    });
    socket.on('error', () => {});
  }

  write(text: string): void {
    this.socket.write(Buffer.from(text, 'latin1'));
  }

  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Waits until `done` holds; fails with everything received when that takes too long. */
  until(what: string, done: () => boolean): Promise<void> {
    return this.#waiting.until(what, done, () => `received ${this.#shown()}`);
  }

  /** Waits for text and returns everything up to its end, which is then taken out. */
  async read(text: string): Promise<string> {
    await this.until(JSON.stringify(text), () => this.received.includes(text) || this.closed);
    const at = this.received.indexOf(text);
    if (at === -1) throw new Error(`closed before ${JSON.stringify(text)}: ${this.#shown()}`);
    return this.#take(at + text.length);
  }

  async readBytes(count: number): Promise<string> {
    await this.until(`${count} bytes`, () => this.received.length >= count || this.closed);
    return this.#take(count);
  }

  /** Waits for the peer's last byte and returns all that came. */
  async readAll(): Promise<string> {
    await this.until('the end', () => this.ended || this.closed);
    return this.#take(this.received.length);
  }

  /** A response with a content-length, head and body. */
  async readResponse(): Promise<string> {
    const head = await this.read('\r\n\r\n');
    const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(head);
    return head + (length === null ? '' : await this.readBytes(Number(length[1])));
  }

  #take(count: number): string {
    const taken = this.received.slice(0, count);
    this.received = this.received.slice(count);
    return taken;
  }

  #shown(): string {
    return JSON.stringify(this.received.slice(0, 500));
  }
}

/** `from`: the address of ours that it comes from, where it matters. */
export function dial(port: number, host = '127.0.0.1', from?: string): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const local = from === undefined ? {} : { localAddress: from };
    const socket = connect({ port, host, noDelay: true, allowHalfOpen: true, ...local });
    socket.on('error', reject);
    socket.on('connect', () => resolve(new Wire(socket)));
  });
}

export interface Origin {
  readonly port: number;
  readonly connections: Wire[];
  /** Waits for the next connection that was not returned before. */
  accept(): Promise<Wire>;
  /** Waits for something to happen on any connection until `done` holds. */
  until(what: string, done: () => boolean): Promise<void>;
  /** Takes no further connection; those that are there go on. */
  refuse(): void;
  close(): Promise<void>;
}

/** An origin whose connections the test drives by hand, or `serve` does. */
export async function startOrigin(
  serve?: (wire: Wire) => void,
  { host = '127.0.0.1', port = 0 } = {},
): Promise<Origin> {
  const connections: Wire[] = [];
  let taken = 0;
  const waiting = new Waiting();
  const server: Server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const wire = new Wire(socket);
    connections.push(wire);
    serve?.(wire);
    for (const event of ['data', 'end', 'close']) socket.on(event, () => waiting.notify());
    waiting.notify();
  });
  await new Promise<void>((resolve) => {
    server.listen(port, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return {
    port: address.port,
    connections,
    async accept() {
      await waiting.until('a connection to the origin', () => taken < connections.length);
      taken += 1;
      return connections[taken - 1];
    },
    until: (what, done) => waiting.until(what, done),
    refuse: () => server.close(),
    close() {
      for (const wire of connections) wire.destroy();
      return new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}
