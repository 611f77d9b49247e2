/** Keys that their mapping has already. The library's own check takes quadratic time. */

import { type Document, isPair, isScalar, visit } from 'yaml';

interface RepeatedKey {
  readonly offset: number;
  /** `services`, `web`, `port` */
  readonly keys: readonly string[];
}

export function findRepeats(document: Document): RepeatedKey[] {
  const repeats: RepeatedKey[] = [];
  visit(document, {
    Map(_key, map, ancestors) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) {
          const keys = [...ancestors.filter((node) => isPair(node)).map((pair) => pair.key), key];
          repeats.push({ offset: key.range?.[0] ?? 0, keys: keys.map(String) });
        }
        seen.add(key.value);
      }
    },
  });
  return repeats;
}
