/**
 * Follows `heddle.yaml`: every change that is valid is a new configuration. Of one with mistakes
 * the entries that have them are refused, each alone, and the rest applies; where a mistake is in
 * none of them, the old configuration stays.
 */

import { resolve } from 'node:path';
import { contentDigest } from '../../core/base/content-digest.ts';
import { configBytesMax } from '../../core/base/limits.ts';
import type { ConfigProblem, LoadedConfig } from '../model/loaded-config.ts';
import { keepRefused, tellKept } from './keep-refused.ts';
import type { LoadConfigResult } from './load-config.ts';
import { type WatchFileEnv, watchFile } from './watch-file.ts';

interface ConfigListener {
  /** `problems`: of entries that are refused; what was known of them is in `config`. */
  onConfig(config: LoadedConfig, problems: readonly ConfigProblem[]): void;
  /** Nothing applies. The same problems are told once. */
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
  let config = current;
  let told = '';
  /** What the file said when it was seen last: `load` may meet one that is being written. */
  let seen: string | null = null;
  let loading = false;
  let again = false;
  let closed = false;

  function tell(problems: readonly ConfigProblem[]): void {
    const text = JSON.stringify(problems);
    if (text === told) return;
    told = text;
    listener.onProblems(problems);
  }

  /** A comment that changed is no change; that problems are gone is worth telling. */
  function apply(next: LoadedConfig, problems: readonly ConfigProblem[]): void {
    const text = problems.length === 0 ? '' : JSON.stringify(problems);
    const isSame = meaningOf(next) === meaningOf(config) && text === told;
    told = text;
    config = next;
    if (!isSame) listener.onConfig(next, problems);
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
      // Another look is under way then.
      if (!isOf(seen, result)) continue;
      if ('config' in result) apply(result.config, []);
      else if (result.rest === undefined) tell(result.problems);
      else apply(keepRefused(result.rest, config), tellKept(result.problems, config));
    } while (again);
    loading = false;
  }

  const refuse = (reason: string, remedy: string): void => {
    tell([{ path, line: 1, column: 1, key: '', entry: '', reason, remedy }]);
  };
  const unwatch = watchFile(path, configBytesMax, env, {
    onContent: (text) => {
      // A full disk leaves such files; where it began so, it is what was meant.
      const isEmptied = text.trim() === '' && contentDigest(text) !== config.digest;
      seen = isEmptied ? null : text;
      if (isEmptied) refuse('it is empty', 'write a comment into it, if that is meant');
      // The first look finds what was loaded just now.
      else if (told !== '' || contentDigest(text) !== config.digest) void reload();
    },
    onError: (reason) => refuse(reason, 'the configuration that was loaded last stays in use'),
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

/** Whoever watches has taken the byte order mark away. */
function isOf(text: string | null, result: LoadConfigResult): boolean {
  const config = 'config' in result ? result.config : result.rest?.config;
  if (config === undefined) return true;
  if (text === null) return false;
  return [text, `\uFEFF${text}`].some((one) => contentDigest(one) === config.digest);
}
