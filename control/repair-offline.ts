/**
 * The repair of certificates while no control plane runs, on its state folder alone: what `heddle
 * identity repair` asks a running one for.
 */

import { systemClock as clock } from '../core/base/clock.ts';
import { TimerWheel } from '../core/base/timers.ts';
import type { Logger } from '../core/telemetry/log.ts';
import { ControlIdentity, type IdentityPlaces } from './identity.ts';
import type { AuthorityView } from './issuer/authority-view.ts';
import { openStateFolder } from './state-folder.ts';

interface OfflineOptions {
  readonly stateFolder: string;
  readonly joinKeyPath: string | null;
  readonly places: IdentityPlaces;
  readonly trustDomain: string;
  readonly log: Logger;
}

/**
 * What the certificates are then; or why they cannot be repaired, as a sentence. Throws a
 * `StateError` when the folder is in use, or cannot be.
 */
export function repairOffline(options: OfflineOptions): AuthorityView | string {
  const { stateFolder: path, joinKeyPath, places, trustDomain, log } = options;
  const state = openStateFolder({ path, joinKeyPath });
  const timers = new TimerWheel(clock);
  try {
    const identity = new ControlIdentity({
      clock,
      timers,
      log,
      config: { trustDomain },
      state,
      places,
    });
    const refusal = identity.authority.repair();
    const { view } = identity.authority;
    identity.close();
    return refusal ?? view;
  } finally {
    timers.close();
    state.close();
  }
}
