/** A client for each control plane that `--control` leads to: names may have several addresses. */

import type { Address } from '../api/settings.ts';
import { formatAddress, splitPort } from '../control/model/address.ts';
import { systemClock } from '../core/base/clock.ts';
import { systemRandom } from '../core/base/random.ts';
import { systemWaitAtMost, TimerWheel } from '../core/base/timers.ts';
import { followControls } from './control-addresses.ts';
import { createViewClient, type ViewClient } from './view-client.ts';

/** A name without an address becomes a client that says so. */
export async function openViewClients(controls: readonly string[]): Promise<ViewClient[]> {
  const found = await Promise.all(controls.map(findAddresses));
  const clients = new Map<string, ViewClient>();
  for (const [index, addresses] of found.entries()) {
    if (typeof addresses === 'string') {
      clients.set(controls[index], silentClient(controls[index], addresses));
      continue;
    }
    for (const address of addresses) {
      const key = formatAddress(address);
      if (!clients.has(key)) clients.set(key, createViewClient(address));
    }
  }
  return [...clients.values()];
}

async function findAddresses(control: string): Promise<readonly Address[] | string> {
  const { name, port } = splitPort(control) ?? { name: control, port: null };
  // Its other address would be told to be silent: control planes listen on this one by default.
  if (name === 'localhost') return [{ host: '127.0.0.1', port: port ?? 0 }];
  const { promise, resolve } = Promise.withResolvers<readonly Address[] | string>();
  const timers = new TimerWheel(systemClock);
  const following = followControls(
    [control],
    { clock: systemClock, timers, random },
    {
      onAddresses: (addresses) => {
        if (addresses.size > 0) resolve([...addresses.values()]);
      },
      onError: (reason) => resolve(`${control}: ${reason}`),
    },
  );
  const inTime = await systemWaitAtMost(promise, resolveTimeoutMs);
  following.close();
  return inTime ? promise : `${control}: no answer from DNS within ${resolveTimeoutMs} ms`;
}

function silentClient(control: string, reason: string): ViewClient {
  const answer = { reason: `${reason}; name a control plane that can be found by --control` };
  return {
    address: control,
    host: '',
    endpoints: () => Promise.resolve(answer),
    status: () => Promise.resolve(answer),
    authority: () => Promise.resolve(answer),
    rotate: () => Promise.resolve(answer),
    rotateIssuer: () => Promise.resolve(answer),
    repair: () => Promise.resolve(answer),
    close: () => undefined,
  };
}

const random = systemRandom();
const resolveTimeoutMs = 3_000;
