/**
 * When a proxy that drains has nobody left to carry anything for. It would wait for outbound to
 * stay quiet, because it does not know what we know: that the application has ended.
 */

import { runAfter } from '../../control/model/delay.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import { scrape } from '../admin-client.ts';

/** `admin` is host:port. Resolves with false when that proxy does not say. */
export async function untilUnused(admin: string, timers: TimerWheel): Promise<boolean> {
  // Between two looks what was accepted is taken over, and counted.
  for (let unused = 0; unused < 2; ) {
    await new Promise<void>((resolve) => runAfter(timers, lookMs, resolve));
    try {
      const samples = await scrape(admin);
      const clients = samples.filter(({ family, labels }) => {
        return family === 'tcp_open_connections' && labels.peer === 'src';
      });
      const isUnused = clients.length > 0 && clients.every(({ value }) => value === 0);
      unused = isUnused ? unused + 1 : 0;
    } catch {
      return false;
    }
  }
  return true;
}

const lookMs = 50;
