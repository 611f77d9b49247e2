/** What the owner of an endpoint wants to know of its connections. */

import type { ErrorCode } from '../base/errors.ts';

export interface PoolEvents {
  connected(): void;
  /** True when another attempt may do better at once. */
  connectFailed(code: ErrorCode, detail: string): boolean;
  /** A connection has ended. */
  closed(): void;
  /** The endpoint sent what nobody asked for, or what it may not send. */
  violated(text: string): void;
}
