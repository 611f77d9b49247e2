/** Finds the names of the static table by their hash. */

import type { Field } from './field.ts';
import { staticCount, staticEntries, staticView } from './static-table.ts';
import { hashName } from './words.ts';

/** `hashName` of the name of each entry. */
const hashes = new Int32Array(staticCount + 1);

/** The index of the first entry with the name of `field`, or 0. */
export function findStaticName(field: Field, hash: number): number {
  for (let slot = hash & slotMask; slots[slot] !== 0; slot = (slot + 1) & slotMask) {
    const index = slots[slot];
    if (hashes[index] !== hash || staticEntries[index * 4 + 1] !== field.nameLength) continue;
    if (field.equalsName(staticView, staticEntries[index * 4])) return index;
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
  hashes[index] = hash;
  if (hashes[index - 1] === hash) continue;
  let slot = hash & slotMask;
  while (slots[slot] !== 0) slot = (slot + 1) & slotMask;
  slots[slot] = index;
}
