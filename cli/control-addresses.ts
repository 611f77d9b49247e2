/** Where the control planes that `--control` names are, for commands: as the proxy finds them. */

import type { Address } from '../api/settings.ts';
import { formatAddress } from '../control/model/address.ts';
import { followAddresses } from '../control/sources/follow-addresses.ts';
import { createSourceOpener } from '../control/sources/open-source.ts';
import { systemResolverPaths } from '../control/sources/resolver-files.ts';
import type { Clock } from '../core/base/clock.ts';
import { controlAddressesMax } from '../core/base/limits.ts';
import type { Random } from '../core/base/random.ts';
import type { TimerWheel } from '../core/base/timers.ts';

interface ControlAddressesEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly random: Random;
}

interface ControlListener {
  /** By their text, all of them as they are now. */
  onAddresses(addresses: ReadonlyMap<string, Address>): void;
  /** A name cannot be looked up now; what it had before stays. */
  onError(reason: string): void;
}

/** `controls` are `host:port`, each. */
export function followControls(
  controls: readonly string[],
  env: ControlAddressesEnv,
  listener: ControlListener,
): { close(): void } {
  const log = { info: () => undefined, warn: () => undefined };
  const resolver = { paths: systemResolverPaths, port: 53 };
  const opener = createSourceOpener({ ...env, log, resolver });
  const stop = followAddresses(controls.join(','), opener.open, {
    onAddresses(addresses) {
      const some = addresses.slice(0, controlAddressesMax);
      listener.onAddresses(new Map(some.map((one) => [formatAddress(one), one])));
    },
    onError: (reason) => listener.onError(reason),
  });
  return {
    close() {
      stop();
      opener.close();
    },
  };
}
