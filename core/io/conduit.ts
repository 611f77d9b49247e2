/**
 * What carries bytes both ways, as those see it who join, detect and speak HTTP/1 on it: a TCP
 * connection, or a stream of HTTP/2 that has become a tunnel (`core/http/h2/stream-conduit.ts`).
 */

import type { Socket } from './socket.ts';

export type Conduit = Pick<
  Socket,
  | 'remoteHost'
  | 'remotePort'
  | 'congested'
  | 'destroyed'
  | 'readEnded'
  | 'writeEnded'
  | 'reading'
  | 'waitingBytes'
  | 'flushes'
  | 'gathers'
  | 'outLength'
  | 'owner'
  | 'pause'
  | 'resume'
  | 'reserve'
  | 'commit'
  | 'write'
  | 'append'
  | 'writeLatin1'
  | 'flush'
  | 'end'
  | 'destroyWhenWritten'
  | 'destroy'
  | 'reset'
>;

/** One side of a tunnel that is about to begin. */
export interface TunnelSide {
  readonly conduit: Conduit;
  /** Bytes that were read from it before. */
  readonly first: Buffer;
}
