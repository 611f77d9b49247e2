/** What stays of a configuration while the newest version of its file has mistakes. Pure. */

import { formatAuthority } from '../index/service-names.ts';
import type { ConfigProblem, ConfigRest, LoadedConfig } from '../model/loaded-config.ts';

/**
 * The rest of a file, and what `before` has of the services that are refused. What was there before
 * comes first, in its order: of two services that want the same address the first has it.
 */
export function keepRefused({ config, refused }: ConfigRest, before: LoadedConfig): LoadedConfig {
  const names = new Set(refused);
  const kept = before.services.filter(({ name }) => names.has(name));
  const authorities = new Set(kept.map((one) => formatAuthority(one, before.clusterDomain)));
  const binds = before.settings.binds.filter(({ authority }) => authorities.has(authority));
  return {
    ...config,
    settings: {
      ...config.settings,
      binds: inOrderOf(
        before.settings.binds,
        [...binds, ...config.settings.binds],
        ({ authority }) => authority,
      ),
    },
    services: inOrderOf(before.services, [...kept, ...config.services], ({ name }) => name),
  };
}

/** Says with each problem what is in effect until it is solved. */
export function tellKept(
  problems: readonly ConfigProblem[],
  before: LoadedConfig,
): readonly ConfigProblem[] {
  const kept = new Set(before.services.map(({ name }) => `services.${name}`));
  return problems.map((problem) => {
    const until = kept.has(problem.entry) ? 'what it said before stays' : 'it is left out';
    return { ...problem, remedy: `${problem.remedy}; until then ${until}` };
  });
}

/** What is not in `before` keeps its order, behind the others. */
function inOrderOf<T>(before: readonly T[], items: readonly T[], key: (item: T) => string): T[] {
  const places = new Map(before.map((item, index) => [key(item), index]));
  const placeOf = (item: T): number => places.get(key(item)) ?? before.length;
  return items.toSorted((a, b) => placeOf(a) - placeOf(b));
}
