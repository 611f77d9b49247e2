/**
 * Stands between proxies and a control plane, as the network does, and can be as bad as one: it
 * passes bytes, holds them for ever, passes them late, sends garbage instead, or is not there.
 */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { cleanUp } from './cleanup.ts';

/** `absent`: connections are reset as soon as they come. */
type RelayMode = 'pass' | 'hold' | 'late' | 'garbage' | 'absent';

export class Relay {
  readonly port: number;
  readonly #host: string;
  readonly #pairs = new Set<Pair>();
  #mode: RelayMode = 'pass';
  #target: number;

  private constructor(server: Server, target: number, host: string) {
    this.#target = target;
    this.#host = host;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => this.#accept(socket));
  }

  static async start(t: TestContext, target: number, host = '127.0.0.1'): Promise<Relay> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const relay = new Relay(server, target, host);
    cleanUp(t, () => {
      relay.cut();
      server.close();
    });
    return relay;
  }

  /** What has been connected before is held, late and so on as well. */
  set mode(mode: RelayMode) {
    this.#mode = mode;
    if (mode === 'absent' || mode === 'garbage') this.cut();
    else for (const pair of this.#pairs) pair.apply(mode);
  }

  /** Where new connections go. */
  set target(port: number) {
    this.#target = port;
  }

  cut(): void {
    for (const pair of this.#pairs) pair.cut();
  }

  /** How many are connected now. */
  get connections(): number {
    return this.#pairs.size;
  }

  #accept(client: Socket): void {
    client.on('error', () => {});
    if (this.#mode === 'absent') {
      client.resetAndDestroy();
      return;
    }
    if (this.#mode === 'garbage') {
      client.end(
        'HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\n\r\n\x00\x00\x00\x01garbage',
      );
      return;
    }
    const pair = new Pair(client, connect(this.#target, this.#host), () => {
      this.#pairs.delete(pair);
    });
    this.#pairs.add(pair);
    pair.apply(this.#mode);
  }
}

/** Two connections joined. */
class Pair {
  readonly #sides: readonly [Socket, Socket];
  #mode: RelayMode = 'pass';

  constructor(client: Socket, server: Socket, onClose: () => void) {
    this.#sides = [client, server];
    for (const [index, side] of this.#sides.entries()) {
      const other = this.#sides[1 - index];
      side.on('error', () => {});
      side.on('data', (bytes: Buffer) => this.#pass(bytes, other));
      side.on('close', () => {
        other.destroy();
        onClose();
      });
    }
  }

  apply(mode: RelayMode): void {
    this.#mode = mode;
    for (const side of this.#sides) {
      if (mode === 'hold') side.pause();
      else side.resume();
    }
  }

  cut(): void {
    for (const side of this.#sides) side.resetAndDestroy();
  }

  #pass(bytes: Buffer, to: Socket): void {
    if (this.#mode !== 'late') {
      to.write(bytes);
      return;
    }
    setTimeout(() => {
      if (!to.destroyed) to.write(bytes);
    }, lateMs);
  }
}

const lateMs = 1_000;
