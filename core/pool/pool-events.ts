/** What the owner of an endpoint wants to know of its connections. */

import type { ErrorCode } from '../base/errors.ts';

export interface PoolEvents {
  connected(): void;
  connectFailed(code: ErrorCode): void;
  /** A connection has ended. */
  closed(): void;
  /** The endpoint sent what nobody asked for, or what it may not send. */
  violated(text: string): void;
}
