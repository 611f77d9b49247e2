/**
 * Where the control planes that `--control` names are: addresses as they are, and all that a name
 * has, followed as its records live.
 */

import type { Address } from '../api/settings.ts';
import { canonicalIp, formatAddress, splitPort } from '../control/model/address.ts';
import { createSourceOpener } from '../control/sources/open-source.ts';
import { systemResolverPaths } from '../control/sources/resolver-files.ts';
import type { Clock } from '../core/base/clock.ts';
import { controlPlanesMax } from '../core/base/limits.ts';
import type { Random } from '../core/base/random.ts';
import type { TimerWheel } from '../core/base/timers.ts';

interface ControlAddressesEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly random: Random;
}

interface ControlListener {
  /** All of them as they are now, each once, `controlPlanesMax` at most. */
  onAddresses(addresses: readonly Address[]): void;
  /** A name cannot be looked up now; what it had before stays. */
  onError(reason: string): void;
}

/** `controls` are `host:port`, each. The listener hears of addresses before this returns. */
export function followControls(
  controls: readonly string[],
  env: ControlAddressesEnv,
  listener: ControlListener,
): { close(): void } {
  const log = { info: () => undefined, warn: () => undefined };
  const resolver = { paths: systemResolverPaths, port: 53 };
  const opener = createSourceOpener({ ...env, log, resolver });
  const found = new Map<string, readonly Address[]>();
  const tell = (): void => {
    const all = [...found.values()].flat();
    const unique = new Map(
      all.map(({ host, port }) => [formatAddress({ host, port }), { host, port }]),
    );
    listener.onAddresses([...unique.values()].slice(0, controlPlanesMax));
  };
  const names: { name: string; port: number; control: string }[] = [];
  for (const control of controls) {
    const split = splitPort(control);
    if (split === null || split.port === null) continue;
    const { name, port } = split;
    const host = canonicalIp(name);
    if (host === null) names.push({ name, port, control });
    else found.set(control, [{ host, port }]);
  }
  tell();
  const sources = names.map(({ name, port, control }) =>
    opener.open(
      { kind: 'dns', name, port },
      {
        onEndpoints: (endpoints) => {
          found.set(control, endpoints);
          tell();
        },
        onError: (reason) => listener.onError(reason),
      },
    ),
  );
  return {
    close() {
      for (const source of sources) source.close();
      opener.close();
    },
  };
}
