/** Finds the names of the static table by their hash. */

import { staticCount, staticEntries, staticLines } from './static-table.ts';
import { equalsLower, hashName, viewOf } from './words.ts';

export const staticView = viewOf(staticLines);

/** `hashName` of the name of each entry. */
export const staticHashes = new Int32Array(staticCount + 1);

/** The first entry with the name at `start`..`end`, in any case, or 0. `hash` is its `hashName`. */
export function findStaticName(hash: number, view: DataView, start: number, end: number): number {
  for (let slot = hash & slotMask; slots[slot] !== 0; slot = (slot + 1) & slotMask) {
    const index = slots[slot];
    if (staticHashes[index] !== hash || staticEntries[index * 4 + 1] !== end - start) continue;
    if (equalsLower(view, start, staticView, staticEntries[index * 4], end - start)) return index;
  }
  return 0;
}

/** The first entry of each name, at the first free slot from its hash on. */
const slots = new Uint8Array(256);
const slotMask = slots.length - 1;

for (let index = 1; index <= staticCount; index++) {
  const start = staticEntries[index * 4];
  const end = start + staticEntries[index * 4 + 1];
  const hash = hashName(staticView, start, end);
  staticHashes[index] = hash;
  if (staticHashes[index - 1] === hash) continue;
  let slot = hash & slotMask;
  while (slots[slot] !== 0) slot = (slot + 1) & slotMask;
  slots[slot] = index;
}
