/** A client for each control plane that `--control` leads to: names may have several addresses. */

import type { Address } from '../api/settings.ts';
import { formatAddress, parseAddress, splitPort } from '../control/model/address.ts';
import { followAddresses } from '../control/sources/follow-addresses.ts';
import { createSourceOpener } from '../control/sources/open-source.ts';
import { systemResolver } from '../control/sources/static-discovery.ts';
import { systemClock } from '../core/base/clock.ts';
import { controlPlanesMax } from '../core/base/limits.ts';
import { systemRandom } from '../core/base/random.ts';
import { systemWaitAtMost, TimerWheel } from '../core/base/timers.ts';
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
    for (const address of addresses.slice(0, controlPlanesMax)) {
      const key = formatAddress(address);
      if (!clients.has(key)) clients.set(key, createViewClient(address));
    }
  }
  return [...clients.values()];
}

async function findAddresses(control: string): Promise<readonly Address[] | string> {
  const given = parseAddress(control);
  if (given !== null) return [given];
  const { name, port } = splitPort(control) ?? { name: control, port: null };
  // Its other address would be told to be silent: control planes listen on this one by default.
  if (name === 'localhost') return [{ host: '127.0.0.1', port: port ?? 0 }];
  const opener = createSourceOpener({ ...env, timers: new TimerWheel(systemClock) });
  const { promise, resolve } = Promise.withResolvers<readonly Address[] | string>();
  const stop = followAddresses(control, opener.open, {
    onAddresses: resolve,
    onError: (reason) => resolve(`${control}: ${reason}`),
  });
  const inTime = await systemWaitAtMost(promise, resolveTimeoutMs);
  stop();
  opener.close();
  return inTime ? promise : `${control}: no answer from DNS within ${resolveTimeoutMs} ms`;
}

function silentClient(control: string, reason: string): ViewClient {
  const answer = { reason: `${reason}; name a control plane that can be found by --control` };
  return {
    address: control,
    host: '',
    endpoints: () => Promise.resolve(answer),
    status: () => Promise.resolve(answer),
    close: () => undefined,
  };
}

const env = {
  clock: systemClock,
  random: systemRandom(),
  log: { info: () => undefined, warn: () => undefined },
  resolver: systemResolver,
};
const resolveTimeoutMs = 5_000;
