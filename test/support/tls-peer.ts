/**
 * An endpoint in the mesh that owes nothing to our own TLS: node:tls accepts, reads the transport
 * header where its protocol was agreed on, and hands the rest to HTTP/1.1, to node:http2 or to the
 * test.
 */

import { once } from 'node:events';
import { createServer as createHttp1, type RequestListener } from 'node:http';
import { performServerHandshake, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import type { IdentitySnapshot } from '../../api/identity.ts';
import { decodeTransportHeader, type TransportHeader } from '../../core/tls/transport-header.ts';
import { untilTurn } from './turns.ts';

interface PeerConnection {
  readonly socket: TLSSocket;
  /** What was asked for, and by whom. */
  readonly serverName: string;
  readonly clientNames: string;
  readonly header: TransportHeader | null;
}

export interface TlsPeer extends AsyncDisposable {
  readonly port: number;
  /** Of handshakes that are complete. */
  readonly connections: PeerConnection[];
  /** Connections, before anything is known of them. */
  readonly accepted: Socket[];
  /** All that came in plaintext, or in handshakes that failed. */
  readonly failures: string[];
  /** Waits until there are so many connections, and returns the last one. */
  untilConnections(count: number): Promise<PeerConnection>;
}

interface PeerOptions {
  readonly identity: IdentitySnapshot;
  /** Offers `transport.l5d.io/v1`; default true. */
  readonly header?: boolean;
  readonly tls?: TlsOptions;
  /** Who answers requests of HTTP/1.1. */
  readonly http1?: RequestListener;
  /** Who answers streams of HTTP/2. */
  readonly http2?: (
    stream: ServerHttp2Stream,
    headers: Record<string, string | string[] | undefined>,
  ) => void;
  /** Takes the connection instead. */
  readonly opaque?: (connection: PeerConnection) => void;
}

export async function startTlsPeer(options: PeerOptions): Promise<TlsPeer> {
  const { identity } = options;
  const connections: PeerConnection[] = [];
  const failures: string[] = [];
  const accepted: Socket[] = [];
  const open = new Set<Socket>();
  const http1 = createHttp1(options.http1 ?? ((_, response) => response.end('ok')));
  const server = createServer({
    key: identity.key,
    cert: identity.chain,
    ca: identity.roots,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
    ...(options.header === false ? {} : { ALPNProtocols: ['transport.l5d.io/v1'] }),
    ...options.tls,
  });
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    accepted.push(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {});
  });
  server.on('tlsClientError', (error) => failures.push(error.message));
  server.on('secureConnection', (socket) => void take(socket));

  async function take(socket: TLSSocket): Promise<void> {
    socket.on('error', () => {});
    const header = socket.alpnProtocol ? await readHeader(socket) : null;
    const connection = {
      socket,
      serverName: (socket as { servername?: string }).servername ?? '',
      clientNames: socket.getPeerCertificate().subjectaltname ?? '',
      header,
    };
    connections.push(connection);
    if (options.opaque !== undefined) options.opaque(connection);
    else if (options.http2 !== undefined && header?.session !== 'http1') {
      // A proxy that has to find out what it is says nothing before.
      if (header === null) await once(socket, 'readable');
      const session = performServerHandshake(socket);
      session.on('error', () => {});
      session.on('stream', (stream, headers) => {
        stream.on('error', () => {});
        options.http2?.(stream, headers);
      });
    } else {
      http1.emit('connection', socket);
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    failures,
    accepted,
    async untilConnections(count) {
      await untilTurn(`${count} connections`, () => connections.length >= count);
      return connections.at(-1) as PeerConnection;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Takes the header out of what the connection brings. */
function readHeader(socket: TLSSocket): Promise<TransportHeader> {
  let held = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    const look = (bytes: Buffer): void => {
      held = Buffer.concat([held, bytes]);
      const decoded = decodeTransportHeader(held, 0, held.length);
      if (decoded === 'NEED_MORE') return;
      socket.off('data', look);
      socket.pause();
      if ('malformed' in decoded) {
        reject(new Error(decoded.malformed));
        return;
      }
      if (decoded.end < held.length) socket.unshift(held.subarray(decoded.end));
      resolve(decoded.header);
    };
    socket.on('data', look);
  });
}
