/**
 * Loaded into a proxy by NODE_OPTIONS: the first worker that finds the file `fault` in the folder
 * of the proxy's identity does what it says, `exception` or `heap`.
 */

import { readFileSync, renameSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const folder = '/var/run/linkerd/identity/end-entity';

function look(): void {
  try {
    // Of several that try it one succeeds.
    renameSync(`${folder}/fault`, `${folder}/fault.taken`);
  } catch {
    return;
  }
  const fault = readFileSync(`${folder}/fault.taken`, 'utf8');
  if (fault === 'exception') throw new Error('asked to throw');
  leak([]);
}

/** With turns of the event loop between, as leaks have, and slow enough to be seen every second. */
function leak(kept: unknown[]): void {
  kept.push(new Array(250_000).fill(0));
  setTimeout(leak, 5, kept);
}

if (!isMainThread) setInterval(look, 20).unref();
