/** What the owner of an endpoint wants to know of its connections, and why they end early. */

import type { ErrorCode } from '../base/errors.ts';

export interface PoolEvents {
  connected(): void;
  /** True when another attempt may do better at once. */
  connectFailed(code: ErrorCode, detail: string): boolean;
  /** A connection has ended. */
  closed(): void;
  /** One is ended in the middle: it was verified by a trust anchor that has left long ago. */
  distrusted(): void;
  /** The endpoint sent what nobody asked for, or what it may not send. */
  violated(text: string): void;
}

/** Why a connection is ended in the middle. */
export const anchorLeft = 'a trust anchor has left, and its peer was proved before that';
