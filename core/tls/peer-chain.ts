/**
 * Asks a server for its certificates, and believes nothing of them: for whoever knows the digest of
 * a trust anchor and has yet to find the anchor. The connection is closed when they are there.
 */

import { createHash } from 'node:crypto';
import type { Address } from '../../api/settings.ts';
import { controlHandshakeMs } from '../base/limits.ts';
import { systemTurn, Timer, type TimerOwner, type TimerWheel } from '../base/timers.ts';
import { Dial, type DialOwner } from '../io/dial.ts';
import type { Io } from '../io/io.ts';
import {
  type HandshakeReader,
  type PeerCertificate,
  type SecureHandle,
  verifySecureHandle,
  wrapSecure,
} from '../io/secure-handle.ts';
import type { Meter, Socket } from '../io/socket.ts';
import type { SocketOwner } from '../io/socket-owner.ts';

interface ChainEnv {
  readonly io: Io;
  readonly timers: TimerWheel;
  readonly meter: Meter;
}

/**
 * The certificate, in DER, that is among those of the server at `address` and has one of these
 * digests (SHA-256, hexadecimal); a string is why there is none.
 */
export function findPinned(
  env: ChainEnv,
  address: Address,
  serverName: string,
  pins: ReadonlySet<string>,
): Promise<Buffer | string> {
  const missing = verifySecureHandle();
  if (missing !== '') return Promise.resolve(missing);
  return new Promise((resolve) => {
    env.io.enter();
    new ChainProbe(env, address, serverName, (chain) => {
      const found = typeof chain === 'string' ? chain : chain.find((der) => pins.has(digest(der)));
      resolve(found ?? 'none of its certificates is one that the token pins');
    });
    env.io.leave();
  });
}

class ChainProbe implements DialOwner, SocketOwner, HandshakeReader, TimerOwner {
  readonly #env: ChainEnv;
  readonly #serverName: string;
  readonly #done: (chain: Buffer[] | string) => void;
  readonly #timer = new Timer(this);
  #socket: Socket | null = null;
  #handle: SecureHandle | null = null;
  #over = false;

  constructor(
    env: ChainEnv,
    address: Address,
    serverName: string,
    done: (chain: Buffer[] | string) => void,
  ) {
    const { io, timers, meter } = env;
    this.#env = env;
    this.#serverName = serverName;
    this.#done = done;
    new Dial({ io, timers, connectTimeoutMs: controlHandshakeMs }, this, address, meter);
  }

  /** What OpenSSL throws, as of ciphers that the process was started with, ends this alone. */
  dialled(socket: Socket): void {
    this.#socket = socket;
    socket.owner = this;
    try {
      this.#begin(socket);
    } catch (error) {
      this.#end(`no handshake can begin: ${(error as Error).message}`);
    }
  }

  dialFailed(_code: string, detail: string): void {
    this.#end(detail);
  }

  onSecured(): void {
    const chain: Buffer[] = [];
    let one: PeerCertificate | undefined = this.#handle?.getPeerX509Certificate();
    for (; one !== undefined && chain.length < chainMax; one = one.getIssuerCert()) {
      chain.push(one.raw());
    }
    this.#end(chain);
  }

  onInsecure(reason: string): void {
    this.#end(reason);
  }

  onBytes(): void {}

  onEnd(): void {
    this.#end('the connection ended in the middle of the handshake');
  }

  onCongested(): void {}

  onDrain(): void {}

  onClose(code: string): void {
    this.#end(`${code} in the middle of the handshake`);
  }

  onTimer(): void {
    systemTurn(() => this.#end(`no handshake within ${controlHandshakeMs} ms`));
  }

  #begin(socket: Socket): void {
    this.#env.timers.arm(this.#timer, controlHandshakeMs);
    const handle = socket.secure((carrier) => wrapSecure(carrier, createContext(), false));
    this.#handle = handle;
    handle.secureReader = this;
    handle.setServername(this.#serverName);
    socket.resume();
    handle.start();
  }

  #end(chain: Buffer[] | string): void {
    if (this.#over) return;
    this.#over = true;
    const { io, timers } = this.#env;
    timers.cancel(this.#timer);
    io.enter();
    this.#socket?.destroy();
    io.leave();
    this.#done(chain);
  }
}

/** Without any trust anchor: an empty list keeps Node from taking those of the web. */
function createContext() {
  const tls = process.getBuiltinModule('node:tls');
  return tls.createSecureContext({ ca: [], minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' });
}

function digest(der: Buffer): string {
  return createHash('sha256').update(der).digest('hex');
}

/** Certificates that are looked at. */
const chainMax = 16;
