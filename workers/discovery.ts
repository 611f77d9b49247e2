/**
 * Who knows the mesh for this process: its own configuration file, or a control plane. What each
 * needs is loaded only where it is used, because a sidecar carries what it loads.
 */

import type { ProxySettings } from '../api/settings.ts';
import type { OpenDiscovery } from './proxy-discovery.ts';

/** Resolves with what opens it when the ports are known. */
export async function loadDiscovery(settings: ProxySettings): Promise<OpenDiscovery> {
  if (settings.control === '') return (await import('./discovery-by-file.ts')).openByFile;
  return (await import('./discovery-by-control.ts')).openByControl;
}
