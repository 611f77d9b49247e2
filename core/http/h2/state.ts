/**
 * The states of a stream (RFC 9113 5.1), for an endpoint that neither pushes nor is pushed to.
 * Pure: each event takes a state and returns the next one, or a refusal of what the peer may not
 * do. What we may not do is an assertion.
 *
 * ```
 *                     +--------+
 *             HEADERS |  IDLE  | HEADERS
 *           (sent or  |        | + END_STREAM
 *            received)+--------+
 *                 v        |
 *             +--------+   |  END_STREAM sent        +-----------------+
 *             |  OPEN  | --|------------------------>|   HALF_LOCAL    |
 *             |        |   |  END_STREAM received    | (we have ended) |
 *             |        | --v----------+              +-----------------+
 *             +--------+              v                       |
 *                 |            +-----------------+            | END_STREAM received
 *                 |            |   HALF_REMOTE   |            |
 *   RST_STREAM    |            | (peer has ended)|            |
 *   either way    |            +-----------------+            |
 *                 |                   | END_STREAM sent       |
 *                 v                   v                       v
 *             +----------------------------------------------------+
 *             |                       CLOSED                       |
 *             +----------------------------------------------------+
 * ```
 */

import { assert } from '../../base/assert.ts';

export const State = { IDLE: 0, OPEN: 1, HALF_LOCAL: 2, HALF_REMOTE: 3, CLOSED: 4 } as const;

/** HEADERS that open the stream, sent by either side. */
export function openStream(state: number, by: 'us' | 'peer', ends: boolean): number {
  assert(state === State.IDLE, 'a stream is opened once');
  if (!ends) return State.OPEN;
  return by === 'us' ? State.HALF_LOCAL : State.HALF_REMOTE;
}

/** DATA or further HEADERS from the peer; negative when it has ended the stream before. */
export function recvContent(state: number): number {
  return state === State.OPEN || state === State.HALF_LOCAL ? state : recvRefused;
}

/** END_STREAM from the peer, with a frame that `recvContent` has let through. */
export function recvEnd(state: number): number {
  assert(state === State.OPEN || state === State.HALF_LOCAL, 'the peer had not ended');
  return state === State.OPEN ? State.HALF_REMOTE : State.CLOSED;
}

/** END_STREAM from us. */
export function sendEnd(state: number): number {
  assert(maySend(state), 'a stream is ended once');
  return state === State.OPEN ? State.HALF_LOCAL : State.CLOSED;
}

/** Whether HEADERS and DATA may be sent. */
export function maySend(state: number): boolean {
  return state === State.OPEN || state === State.HALF_REMOTE;
}

const recvRefused = -1;
