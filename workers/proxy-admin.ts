/** The admin port of a proxy: what it shows and may change, taken from the parts of the process. */

import type { ProxySettings } from '../api/settings.ts';
import { formatAddress } from '../control/model/address.ts';
import type { TimerWheel } from '../core/base/timers.ts';
import { isLogOff, type LogFilter } from '../core/telemetry/log-filter.ts';
import type { TlsContexts } from '../core/tls/contexts.ts';
import { answerAdmin } from './admin.ts';
import { AdminAccess } from './admin-access.ts';
import { type AdminServer, createAdminServer } from './admin-server.ts';
import {
  type ConfigState,
  collectMetrics,
  type MetricsSources,
  showConfig,
  showEndpoints,
  showWatches,
} from './admin-view.ts';
import { readVariables } from './config.ts';
import type { LogOutput, LogWatcher } from './log-output.ts';
import { recordAdminClosed } from './log-spans.ts';
import type { ProxyDiscovery } from './proxy-discovery.ts';

interface ProxyAdminParts extends Omit<MetricsSources, 'remote'> {
  readonly discovery: ProxyDiscovery;
  readonly settings: ProxySettings;
  readonly timers: TimerWheel;
  readonly tls: TlsContexts;
  readonly output: LogOutput;
  readonly config: ConfigState;
  readonly explainUnready: () => string;
  readonly showIdentity: () => object;
  readonly shutDown: () => boolean;
}

export function createProxyAdmin(parts: ProxyAdminParts): AdminServer {
  const { settings, clock, timers, tls, output, config, publisher, slots, discovery } = parts;
  const { remote } = discovery;
  const view = {
    notReady: parts.explainUnready,
    renderMetrics: () => collectMetrics({ ...parts, remote }),
    readConfig: () => showConfig(settings, config),
    readEndpoints: () => showEndpoints(publisher, slots, clock),
    readWatches: () => showWatches(remote),
    readIdentity: parts.showIdentity,
    readEnvironment: readVariables,
    logs: isLogOff(settings.logLevel) ? null : logsOf(output),
    shutdown: settings.adminShutdown ? parts.shutDown : null,
  };
  const access = accessOf(parts);
  const listen = settings.admin === null ? '' : formatAddress(settings.admin);
  return createAdminServer({
    clock,
    tls,
    timers,
    serverName: settings.identityServerName,
    onClosed: (client, error) => recordAdminClosed(output.log, listen, client, error),
    answer: async (request) => access?.refuse(request) ?? answerAdmin(view, request),
  });
}

/** Only the admin port of a pod has a policy: others are where whoever starts them puts them. */
function accessOf({ settings, discovery, output }: ProxyAdminParts): AdminAccess | null {
  const { admin, originalDestination } = settings;
  if (admin === null || discovery.remote === null || originalDestination === 'off') return null;
  return new AdminAccess(discovery, settings, admin, output.log);
}

function logsOf(output: LogOutput) {
  return {
    readFilter: () => output.filter,
    setFilter: (filter: LogFilter) => {
      output.filter = filter;
    },
    watch: (watcher: LogWatcher) => output.watch(watcher),
  };
}
