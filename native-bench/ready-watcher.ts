/**
 * A process in a pod: tells its parent when a port answers 200 to /ready, as milliseconds of the
 * system's clock; each message is another time. It ends with its parent.
 *
 * Argument: the port, on the loopback.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { isReady } from './peer-ours.ts';

async function watch(): Promise<void> {
  while (!(await isReady(port))) await sleep(pollMs);
  process.send?.(performance.timeOrigin + performance.now());
}

const port = Number(process.argv[2]);
const pollMs = 2;
process.on('message', () => void watch());
process.once('disconnect', () => process.exit());
