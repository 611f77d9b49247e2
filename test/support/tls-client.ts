/**
 * A client of the mesh that owes nothing to our own TLS: node:tls connects to a proxy's inbound
 * listener, shows its certificate, and speaks what the test says, behind a transport header if the
 * test wants one.
 */

import { type ConnectionOptions, connect } from 'node:tls';
import type { IdentitySnapshot } from '../../api/identity.ts';
import { encodeTransportHeader, type TransportHeader } from '../../core/tls/transport-header.ts';
import { startOrigin, Wire } from './wire.ts';

interface TlsClientOptions {
  /** The name of the proxy. */
  readonly serverName: string;
  /** Whom it trusts, and who it is unless it is `anonymous`. */
  readonly identity: IdentitySnapshot;
  readonly anonymous?: boolean;
  /** Offers `transport.l5d.io/v1`. */
  readonly protocol?: boolean;
  /** Sent at once; it offers the protocol. */
  readonly header?: TransportHeader;
  readonly tls?: ConnectionOptions;
}

/** Rejects with what the client makes of a handshake that fails. */
export async function dialTls(port: number, options: TlsClientOptions): Promise<Wire> {
  const { serverName, identity, anonymous = false, header } = options;
  const offers = options.protocol === true || header !== undefined;
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: serverName,
    ca: identity.roots,
    minVersion: 'TLSv1.3',
    ...(anonymous ? {} : { key: identity.key, cert: identity.chain }),
    ...(offers ? { ALPNProtocols: ['transport.l5d.io/v1'] } : {}),
    ...options.tls,
  });
  const wire = new Wire(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed in the handshake')));
  });
  if (header !== undefined) socket.write(encodeTransportHeader(header));
  return wire;
}

/** The first message of a client that asks for `name`. */
export async function helloFor(name: string): Promise<string> {
  const taker = await startOrigin();
  const socket = connect({ port: taker.port, host: '127.0.0.1', servername: name });
  socket.on('error', () => {});
  const taken = await taker.accept();
  await taken.until('a hello', () => {
    const { received } = taken;
    return (
      received.length >= 5 && received.length >= 5 + Buffer.from(received, 'latin1').readUInt16BE(3)
    );
  });
  const hello = taken.received;
  socket.destroy();
  await taker.close();
  return hello;
}
