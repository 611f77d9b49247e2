/**
 * The certificates that somebody serves for a server name, as TLS brings them. Nothing is verified:
 * whoever looks at them wants to see what is wrong. Bounded in time and size.
 */

import { connect, type DetailedPeerCertificate } from 'node:tls';
import type { Address } from '../api/settings.ts';
import { formatAddress } from '../control/model/address.ts';
import { runAfter } from '../control/model/delay.ts';
import { systemClock } from '../core/base/clock.ts';
import { nodeErrorCode } from '../core/base/node-error.ts';
import { TimerWheel } from '../core/base/timers.ts';
import { type Certificate, parseCertificate } from '../core/identity/certificate.ts';

/** The leaf first. Rejects with a sentence when there is none. */
export function fetchCertificates(address: Address, serverName: string): Promise<Certificate[]> {
  return new Promise((settle, fail) => {
    const { host, port } = address;
    const options = { host, port, servername: serverName, rejectUnauthorized: false };
    const socket = connect({ ...options, minVersion: 'TLSv1.3' });
    let isOver = false;
    const end = (result: Certificate[] | string): void => {
      if (isOver) return;
      isOver = true;
      cancel();
      if (typeof result !== 'string') settle(result);
      else fail(new Error(`${formatAddress(address)}: ${result}`));
      socket.destroy();
    };
    const cancel = runAfter(timers, answerTimeoutMs, () => {
      end(`no handshake within ${answerTimeoutMs} ms`);
    });
    socket.on('secureConnect', () => {
      const chain = readChain(socket.getPeerCertificate(true));
      end(chain.length === 0 ? 'its certificate cannot be read' : chain);
    });
    socket.on('error', (error) => end(explain(nodeErrorCode(error))));
    socket.on('close', () => end(ended));
  });
}

/** OpenSSL's own words have numbers and the names of its files in them. */
function explain(code: string): string {
  if (code === 'ECONNRESET' || code === 'EPIPE') return ended;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') return 'it does not speak TLS';
  if (!code.startsWith('ERR_SSL_')) return code;
  return code.slice('ERR_SSL_'.length).replaceAll('_', ' ').toLowerCase();
}

/** As far as it was sent: the last one is its own issuer, or that one was left out. */
function readChain(leaf: DetailedPeerCertificate): Certificate[] {
  const chain: Certificate[] = [];
  let next: DetailedPeerCertificate | undefined = leaf;
  while (next?.raw !== undefined && chain.length < chainMax) {
    const read = parseCertificate(next.raw);
    if (read === null || chain.some((one) => one.fingerprint === read.fingerprint)) break;
    chain.push(read);
    next = next.issuerCertificate;
  }
  return chain;
}

const ended = 'it has ended the handshake: is it certified, and asked for its own name?';
const timers = new TimerWheel(systemClock);
const answerTimeoutMs = 5_000;
const chainMax = 8;
