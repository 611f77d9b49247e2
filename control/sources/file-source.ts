/** A watched endpoints file as a source: whatever is wrong with it, the last good set stays. */

import type { ResolvedEndpoint } from '../../api/discovery.ts';
import type { Source, SourceListener } from '../model/source.ts';
import { parseEndpointsFile } from './endpoints-file.ts';
import { type WatchFileEnv, watchFile } from './watch-file.ts';

export function openFileSource(path: string, env: WatchFileEnv, listener: SourceListener): Source {
  let good: readonly ResolvedEndpoint[] | null = null;
  /** Counts contents: a YAML list that is overtaken while it is parsed is dropped. */
  let generation = 0;

  async function accept(text: string): Promise<void> {
    generation += 1;
    const own = generation;
    good = null;
    const result = await parseEndpointsFile(path, text);
    if (own !== generation) return;
    if ('error' in result) {
      listener.onError(result.error);
      return;
    }
    good = result.endpoints;
    listener.onEndpoints(good);
  }

  const unwatch = watchFile(path, fileBytesMax, env, {
    onContent: (text) => void accept(text),
    onUnchanged: () => {
      if (good !== null) listener.onEndpoints(good);
    },
    onError: (reason) => {
      generation += 1;
      listener.onError(`${path}: ${reason}`);
    },
  });
  return {
    close: () => {
      generation += 1;
      unwatch();
    },
  };
}

const fileBytesMax = 500 * 1024;
