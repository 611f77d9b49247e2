/** Discovery by the services of the configuration file, which apply live. */

import type { ProxySettings } from '../api/settings.ts';
import type { LoadedConfig } from '../control/model/loaded-config.ts';
import { openStaticDiscovery } from '../control/sources/static-discovery.ts';
import { type OpenDiscovery, sourceEnv } from './proxy-discovery.ts';

/** Services apply live, settings do not. */
function withSettings(config: LoadedConfig, settings: ProxySettings): LoadedConfig {
  return { ...config, settings };
}

export const openByFile: OpenDiscovery = (config, settings, env) => {
  const discovery = openStaticDiscovery(withSettings(config, settings), sourceEnv(env));
  return {
    watch: (key, onChange) => discovery.watch(key, onChange),
    status: (key) => discovery.status(key),
    replace: (next) => discovery.replace(withSettings(next, settings)),
    remote: null,
    control: null,
    close: () => discovery.close(),
  };
};
