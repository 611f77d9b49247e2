/**
 * Changes of certificates while no control plane runs, on its state folder alone: what `heddle
 * identity repair` and `heddle identity rotate` ask a running one for.
 */

import { join } from 'node:path';
import { systemClock as clock } from '../core/base/clock.ts';
import { TimerWheel } from '../core/base/timers.ts';
import type { Logger } from '../core/telemetry/log.ts';
import { ControlIdentity } from './identity.ts';
import type { Authority } from './issuer/authority.ts';
import type { AuthorityView } from './issuer/authority-view.ts';
import { type JoinKey, localTokenFile, readLocalClaims } from './issuer/join-key.ts';
import { openStateFolder } from './state-folder.ts';

/** A rotation is begun: the next `heddle up` goes on with it, when proxies have confirmed. */
export type OfflineChange = 'repair' | 'rotate' | 'rotate-issuer' | 'force';

interface OfflineOptions {
  readonly change: OfflineChange;
  readonly stateFolder: string;
  readonly log: Logger;
}

/**
 * What the certificates are then; or why they cannot be changed, as a sentence. Throws a
 * `StateError` when the folder is in use, or cannot be.
 */
export function changeOffline({
  change,
  stateFolder: path,
  log,
}: OfflineOptions): AuthorityView | string {
  const state = openStateFolder({ path, joinKeyPath: null });
  const timers = new TimerWheel(clock);
  try {
    const trustDomain = readTrustDomain(path, state.joinKey);
    if (trustDomain === null) return noTrustDomain(path);
    const config = { trustDomain };
    const places = { identityDir: null, issuerDir: null, trustAnchorsPath: null };
    const identity = new ControlIdentity({ clock, timers, log, config, state, places });
    const refusal = changes[change](identity.authority);
    const { view } = identity.authority;
    identity.close();
    return refusal ?? view;
  } finally {
    timers.close();
    state.close();
  }
}

/** As the local user's token has it, which each start of `heddle up` writes. */
function readTrustDomain(path: string, key: JoinKey): string | null {
  const claims = readLocalClaims(path, key, clock.wallMs());
  return 'problem' in claims ? null : (claims.trustDomain ?? null);
}

function noTrustDomain(path: string): string {
  const missing = `${join(path, localTokenFile)} does not say which trust domain this is`;
  return `${missing}: start heddle up with its configuration, and change it then`;
}

const changes: Readonly<Record<OfflineChange, (authority: Authority) => string | null>> = {
  repair: (authority) => authority.repair(),
  rotate: (authority) => authority.rotate(),
  'rotate-issuer': (authority) => authority.rotateIssuer(),
  force: (authority) => authority.force(),
};
