/**
 * Carries one DNS query to one server and brings back what that server says, over UDP or TCP.
 * Messages are bytes here; what they mean, time-outs and retries are the caller's.
 */

import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Address } from '../../api/settings.ts';

export interface DnsExchange {
  readonly server: Address;
  readonly query: Uint8Array;
  /** Says whether this answer belongs to the query and so ends the exchange. */
  onAnswer(answer: Buffer): boolean;
  /** The exchange is over without an answer. */
  onFailure(reason: string): void;
}

/**
 * A socket of its own for each query: the kernel gives it a random port, and being connected it
 * hears nobody but the server (RFC 5452 sections 9.1 and 9.2). The returned function ends the
 * exchange; the callbacks are not called after it.
 */
export function exchangeDatagrams(exchange: DnsExchange): () => void {
  const { server, query } = exchange;
  const socket = createSocket(server.host.includes(':') ? 'udp6' : 'udp4');
  let over = false;
  const end = (): void => {
    if (over) return;
    over = true;
    socket.close();
  };
  const fail = (error: Error): void => {
    if (over) return;
    end();
    exchange.onFailure(error.message);
  };
  socket.on('error', fail);
  socket.on('message', (answer) => {
    if (!over && exchange.onAnswer(answer)) end();
  });
  // By its event: a callback would also be called with the reason where there is no way there.
  socket.on('connect', () => {
    if (over) return;
    socket.send(query, (error) => {
      if (error) fail(error);
    });
  });
  socket.connect(server.port, server.host);
  return end;
}

/** The same over TCP, for answers that do not fit a datagram (RFC 7766). */
export function exchangeStream(exchange: DnsExchange): () => void {
  const { server, query } = exchange;
  const socket = connect({ host: server.host, port: server.port, noDelay: true });
  let received: Buffer = Buffer.alloc(0);
  let over = false;
  const end = (): void => {
    over = true;
    socket.destroy();
  };
  const fail = (reason: string): void => {
    if (over) return;
    end();
    exchange.onFailure(reason);
  };
  socket.on('error', (error) => fail(error.message));
  socket.on('close', () => fail('the server closed the connection'));
  socket.on('connect', () => {
    const framed = Buffer.alloc(lengthBytes + query.length);
    framed.writeUInt16BE(query.length);
    framed.set(query, lengthBytes);
    socket.write(framed);
  });
  // Two bytes of length bound what is collected to 64 KiB.
  socket.on('data', (chunk: Buffer) => {
    if (over) return;
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    if (received.length < lengthBytes) return;
    const length = received.readUInt16BE();
    if (received.length < lengthBytes + length) return;
    const answer = received.subarray(lengthBytes, lengthBytes + length);
    if (exchange.onAnswer(answer)) end();
    else fail('the answer does not belong to the query');
  });
  return end;
}

const lengthBytes = 2;
