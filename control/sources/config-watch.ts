/**
 * Follows `heddle.yaml`: every change that is valid is a new configuration, every other is a list
 * of problems and the old configuration stays.
 */

import { resolve } from 'node:path';
import { contentDigest } from '../../core/base/content-digest.ts';
import { configBytesMax } from '../../core/base/limits.ts';
import type { ConfigProblem, LoadedConfig } from '../model/loaded-config.ts';
import type { LoadConfigResult } from './load-config.ts';
import { type WatchFileEnv, watchFile } from './watch-file.ts';

interface ConfigListener {
  onConfig(config: LoadedConfig): void;
  /** The same problems are told once. */
  onProblems(problems: readonly ConfigProblem[]): void;
}

/**
 * Starts from `current`, which `load` has loaded; a change between its load and this call is seen.
 * The returned function ends it.
 */
export function watchConfig(
  current: LoadedConfig,
  load: (path: string) => Promise<LoadConfigResult>,
  env: WatchFileEnv,
  listener: ConfigListener,
): () => void {
  const path = resolve(current.path);
  let applied = meaningOf(current);
  let digest = current.digest;
  let told = '';
  let loading = false;
  let again = false;
  let closed = false;

  function tell(problems: readonly ConfigProblem[]): void {
    const text = JSON.stringify(problems);
    if (text === told) return;
    told = text;
    listener.onProblems(problems);
  }

  async function reload(): Promise<void> {
    if (loading) {
      again = true;
      return;
    }
    loading = true;
    do {
      again = false;
      const result = await load(path);
      if (closed) return;
      if ('problems' in result) {
        tell(result.problems);
        continue;
      }
      const text = meaningOf(result.config);
      digest = result.config.digest;
      const recovered = told !== '';
      told = '';
      // A comment that changed is no change; that problems are gone is worth telling.
      if (text === applied && !recovered) continue;
      applied = text;
      listener.onConfig(result.config);
    } while (again);
    loading = false;
  }

  const unwatch = watchFile(path, configBytesMax, env, {
    onContent: (text) => {
      // The first look finds what was loaded just now.
      if (told !== '' || contentDigest(text) !== digest) void reload();
    },
    onError: (reason) => {
      const remedy = 'the configuration that was loaded last stays in use';
      tell([{ path, line: 1, column: 1, key: '', reason, remedy }]);
    },
  });
  return () => {
    closed = true;
    unwatch();
  };
}

/** What a configuration says, apart from how its file is written. */
function meaningOf(config: LoadedConfig): string {
  return JSON.stringify({ ...config, digest: '', proxyProblems: [] });
}
