/** Whether a proxy should get traffic, and whether it takes any; why not, if not. */

import type { PauseReason } from '../api/messages.ts';

export interface ReadinessFacts {
  /** It listens. */
  readonly hasStarted: boolean;
  readonly isDraining: boolean;
  readonly readyWorkers: number;
  /** Connections are redirected here by the system. */
  readonly isRedirectedTo: boolean;
  /** Sentences; empty where nothing is missing. */
  readonly identityNotReady: string;
  readonly discoveryNotReady: string;
}

/** Empty when it is ready. */
export function explainUnready(facts: ReadinessFacts): string {
  if (facts.isDraining) return 'it is shutting down';
  if (!facts.hasStarted) return 'it is starting';
  if (facts.readyWorkers === 0) return 'no worker is ready';
  return facts.identityNotReady || facts.discoveryNotReady;
}

/**
 * Applications whose connections are redirected do not know of the proxy and are not told why they
 * fail: until it can prove who it is, they wait in the backlog, as with Linkerd.
 */
export function whyPaused(facts: ReadinessFacts): PauseReason | null {
  if (facts.readyWorkers === 0) return 'workers';
  return facts.isRedirectedTo && facts.identityNotReady !== '' ? 'identity' : null;
}
