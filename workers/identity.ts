/** Identity, for a proxy that has one; others do not load what it takes. */

import type { ProxySettings } from '../api/settings.ts';
import type { IdentityEnv, ProxyIdentity } from './identity/proxy-identity.ts';
import type { ControlAccess } from './proxy-discovery.ts';

/** Resolves when what is on disk is known; null for a proxy that proves nothing. */
export async function startIdentity(
  settings: ProxySettings,
  env: Omit<IdentityEnv, 'control'> & { readonly control: ControlAccess | null },
): Promise<ProxyIdentity | null> {
  const { control } = env;
  if (settings.identity === '' || control === null) {
    env.onNamed();
    return null;
  }
  const { ProxyIdentity } = await import('./identity/proxy-identity.ts');
  const identity = new ProxyIdentity(settings, { ...env, control });
  await identity.start();
  return identity;
}
