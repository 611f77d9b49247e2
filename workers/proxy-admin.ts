/** The admin port of a proxy: what it shows and may change, taken from the parts of the process. */

import type { ProxySettings } from '../api/settings.ts';
import { formatAddress } from '../control/model/address.ts';
import type { TimerWheel } from '../core/base/timers.ts';
import { isLogOff, type LogFilter } from '../core/telemetry/log-filter.ts';
import type { TlsContexts } from '../core/tls/contexts.ts';
import { answerAdmin } from './admin.ts';
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

interface ProxyAdminParts extends MetricsSources {
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
  const { settings, clock, timers, tls, output, config, publisher, slots, remote } = parts;
  const view = {
    notReady: parts.explainUnready,
    renderMetrics: () => collectMetrics(parts),
    readConfig: () => showConfig(settings, config),
    readEndpoints: () => showEndpoints(publisher, slots, clock),
    readWatches: () => showWatches(remote),
    readIdentity: parts.showIdentity,
    readEnvironment: readVariables,
    logs: isLogOff(settings.logLevel) ? null : logsOf(output),
    shutdown: settings.adminShutdown ? parts.shutDown : null,
  };
  const listen = settings.admin === null ? '' : formatAddress(settings.admin);
  return createAdminServer({
    clock,
    tls,
    timers,
    serverName: settings.identityServerName,
    onClosed: (client, error) => recordAdminClosed(output.log, listen, client, error),
    answer: (request) => answerAdmin(view, request),
  });
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
