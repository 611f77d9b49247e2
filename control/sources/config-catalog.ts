/** The services of `heddle.yaml` as a catalog that follows the file. */

import { basename } from 'node:path';
import type { Clock } from '../../core/base/clock.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import {
  type Catalog,
  type CatalogStatus,
  noRefusals,
  type ObjectProblem,
} from '../model/catalog.ts';
import type { ConfigProblem, LoadedConfig, ServiceConfig } from '../model/loaded-config.ts';
import type { SourceLog } from '../model/source.ts';
import { watchConfig } from './config-watch.ts';
import { formatProblem, loadConfig } from './load-config.ts';

interface ConfigCatalogEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly log: SourceLog;
}

export class ConfigCatalog implements Catalog {
  readonly kind = 'config';
  readonly location: string;
  readonly #env: ConfigCatalogEnv;
  readonly #unwatch: () => void;
  readonly #listeners = new Set<() => void>();
  #config: LoadedConfig;
  #problems: readonly ConfigProblem[] = [];
  #isRefused = false;
  #confirmedWallMs: number;

  /** Starts from what has been loaded, and follows its file. */
  constructor(config: LoadedConfig, env: ConfigCatalogEnv) {
    this.location = config.path;
    this.#config = config;
    this.#env = env;
    this.#confirmedWallMs = env.clock.wallMs();
    this.#unwatch = watchConfig(config, loadConfig, env, {
      onConfig: (changed, problems) => this.#apply(changed, problems),
      onProblems: (problems) => this.#refuse(problems),
    });
  }

  /** The newest that was good. */
  get config(): LoadedConfig {
    return this.#config;
  }

  services(): readonly ServiceConfig[] {
    return this.#config.services;
  }

  refusals() {
    return noRefusals;
  }

  problems(): readonly ObjectProblem[] {
    return this.#problems.map(toObjectProblem);
  }

  status(): CatalogStatus {
    const problem = this.#isRefused ? this.#problems[0] : undefined;
    return {
      objects: this.#config.services.length,
      confirmedWallMs: this.#confirmedWallMs,
      error: problem === undefined ? null : formatProblem(problem),
    };
  }

  /** What has become of the newest change. */
  get result(): 'applied' | 'partial' | 'refused' {
    if (this.#isRefused) return 'refused';
    return this.#problems.length === 0 ? 'applied' : 'partial';
  }

  isSettling(): boolean {
    return false;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#unwatch();
    this.#listeners.clear();
  }

  #apply(config: LoadedConfig, problems: readonly ConfigProblem[]): void {
    const { log, clock } = this.#env;
    if (problems.length === 0) {
      log.info('the configuration has changed and is applied', { path: this.location });
    }
    for (const problem of problems) {
      log.warn('an object is refused, the others apply', { ...toObjectProblem(problem) });
    }
    const { manifests, clusterDomain } = this.#config;
    if (manifests !== config.manifests || clusterDomain !== config.clusterDomain) {
      log.warn('manifests and mesh.clusterDomain have changed and wait for a restart');
    }
    this.#config = config;
    this.#problems = problems;
    this.#isRefused = false;
    this.#confirmedWallMs = clock.wallMs();
    this.#tell();
  }

  /** A mistake that is in no entry concerns the whole file: the last good one stays. */
  #refuse(problems: readonly ConfigProblem[]): void {
    this.#problems = problems;
    this.#isRefused = true;
    for (const problem of problems) {
      const reason = formatProblem(problem);
      this.#env.log.warn('the change is refused, the last good configuration stays', { reason });
    }
    this.#tell();
  }

  #tell(): void {
    for (const listener of Array.from(this.#listeners)) listener();
  }
}

/** `services.web in heddle.yaml:3`, and the key in it. */
function toObjectProblem({ path, line, key, entry, reason, remedy }: ConfigProblem): ObjectProblem {
  const place = `${basename(path)}:${line}`;
  const said = `${reason}; ${remedy}`;
  if (entry === '') return { object: place, field: key, reason: said };
  const field = key.slice(entry.length).replace(/^\./, '');
  return { object: `${entry} in ${place}`, field, reason: said };
}
