/**
 * A port of the control plane: accepts sockets, untouched, for whoever serves them. That it cannot
 * is told with the setting that names the port, and with who has it instead.
 */

import { createServer, type Server, type Socket } from 'node:net';
import type { Address } from '../../api/settings.ts';
import { formatAddress } from '../model/address.ts';
import { findPortHolder } from './port-holder.ts';

export class ListenError extends Error {
  override readonly name = 'ListenError';
}

export interface Listening {
  /** With the port that the system chose where 0 was asked for. */
  readonly address: Address;
  /** Accepts no more; what was accepted is not touched. */
  close(): void;
}

interface ListenOptions {
  /** The setting that names the address, for errors. */
  readonly setting: string;
  readonly address: Address;
  /** Accepting has failed; it goes on. */
  readonly onError: (error: Error) => void;
}

export function acceptOn(
  options: ListenOptions,
  onSocket: (socket: Socket) => void,
): Promise<Listening> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
  server.on('connection', onSocket);
  return listen(options, server);
}

/** For a server of `node:http` as well, which is one of `node:net`. */
export function listen(options: ListenOptions, server: Server): Promise<Listening> {
  const { setting, address, onError } = options;
  return new Promise((resolve, reject) => {
    const onFailure = (error: NodeJS.ErrnoException): void => {
      const where = `${setting}: cannot listen on ${formatAddress(address)}`;
      reject(new ListenError(`${where}: ${explain(address, error)}`));
    };
    server.once('error', onFailure);
    server.listen({ host: address.host, port: address.port, backlog }, () => {
      server.off('error', onFailure);
      server.on('error', onError);
      const { address: host, port } = server.address() as { address: string; port: number };
      resolve({ address: { host, port }, close: () => server.close() });
    });
  });
}

function explain(address: Address, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE': {
      const holder = findPortHolder(address.port) ?? 'another process';
      return `${holder} has this port (EADDRINUSE); name another one or stop that process`;
    }
    case 'EADDRNOTAVAIL':
      return 'no interface of this machine has this address (EADDRNOTAVAIL)';
    case 'EACCES':
      return 'ports below 1024 need a privilege (EACCES); name a higher one';
    default:
      return error.message;
  }
}

/** The kernel lowers it to net.core.somaxconn. */
const backlog = 4096;
