/** A changed `heddle.yaml`: services apply live, settings of the proxy wait for its restart. */

import type { ConfigProblem, LoadedConfig } from '../control/model/loaded-config.ts';
import { watchConfig } from '../control/sources/config-watch.ts';
import { formatProblem, loadProxyConfig } from '../control/sources/load-config.ts';
import type { Clock } from '../core/base/clock.ts';
import type { TimerWheel } from '../core/base/timers.ts';
import type { Logger } from '../core/telemetry/log.ts';
import type { ConfigState } from './admin-view.ts';
import { restartSettings } from './config.ts';
import type { MainMetrics } from './metrics.ts';

interface ReloadOptions {
  /** What runs, and what `/config` shows; kept up to date here. */
  readonly state: ConfigState;
  /** Control planes that the proxy has; empty for none. */
  readonly control: string;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly log: Logger;
  readonly metrics: MainMetrics;
  readonly apply: (config: LoadedConfig) => void;
}

/** Follows the file until the returned function is called. */
export function followConfig(options: ReloadOptions): () => void {
  const { state, control, clock, timers, log, metrics, apply } = options;
  const started = state.loaded.settings;
  metrics.set('heddle_config_problems', {}, 0);

  function show(problems: readonly ConfigProblem[], result: string): void {
    state.problems = problems.map(formatProblem);
    metrics.count('heddle_config_reloads_total', { result });
    metrics.set('heddle_config_problems', {}, problems.length);
  }

  return watchConfig(
    state.loaded,
    (path) => loadProxyConfig(path, control),
    { clock, timers },
    {
      onConfig(config, problems) {
        apply(config);
        state.loaded = config;
        state.restart = restartSettings(started, config.settings);
        show(problems, problems.length === 0 ? 'applied' : 'partial');
        if (problems.length === 0) log.info(target, 'the configuration has changed and is applied');
        for (const problem of state.problems) {
          log.error(target, `an entry is refused, the others apply: ${problem}`);
        }
        if (state.restart.length === 0) return;
        const settings = state.restart.join(', ');
        log.warn(target, 'settings of the proxy have changed and wait for its restart', {
          settings,
        });
      },
      onProblems(problems) {
        show(problems, 'refused');
        for (const problem of state.problems) {
          log.error(target, `the change is refused, the last good configuration stays: ${problem}`);
        }
      },
    },
  );
}

const target = 'heddle::config';
