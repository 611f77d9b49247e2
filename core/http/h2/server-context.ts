/** What the HTTP/2 server connections of clients that are alike share. */

import type { Random } from '../../base/random.ts';
import type { ServerContext } from '../server-context.ts';
import type { H2Thread } from './thread.ts';

export interface H2ServerContext extends ServerContext {
  readonly thread: H2Thread;
  readonly random: Random;
  /** How long a client with a request under way may be silent until a PING; 0: it is not asked. */
  readonly keepAliveIntervalMs: number;
  readonly keepAliveTimeoutMs: number;
  /** The client broke a rule, for which a stream, or the connection, has been ended. */
  violated(peer: string, text: string): void;
}
