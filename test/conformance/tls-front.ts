/**
 * A port that puts a client of the mesh's mutual TLS around whatever comes in plaintext, for
 * programs that know no client certificate or want a protocol by ALPN, as h2spec does in TLS: a
 * proxy of the mesh names none of HTTP's there, and takes HTTP/2 by prior knowledge.
 */

import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { connect } from 'node:tls';
import type { IdentitySnapshot } from '../../api/identity.ts';
import { cleanUp } from '../support/cleanup.ts';

/** Where it listens; `port` is of the proxy that proves to be `serverName`. */
export async function startTlsFront(
  t: TestContext,
  port: number,
  serverName: string,
  { key, chain, roots }: IdentitySnapshot,
): Promise<number> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (plain) => {
    const options = { port, host: '127.0.0.1', servername: serverName, allowHalfOpen: true };
    const secure = connect({ ...options, key, cert: chain, ca: roots, minVersion: 'TLSv1.3' });
    for (const [one, other] of [
      [plain, secure],
      [secure, plain],
    ]) {
      open.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroySoon();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(t, () => {
    for (const one of open) one.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
