/**
 * A port of the control plane: accepts sockets, untouched, for whoever serves them. That it cannot
 * is told with the setting that names the port, and with who has it instead.
 */

import { createServer, type Server, type Socket } from 'node:net';
import type { Address } from '../../api/settings.ts';
import { explainListenError } from '../../core/base/node-error.ts';
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
      const holder = (): string => findPortHolder(address.port) ?? 'another process';
      reject(new ListenError(`${where}: ${explainListenError(error, holder)}`));
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

/** The kernel lowers it to net.core.somaxconn. */
const backlog = 4096;
