/** The root file system of the image, the same bytes whenever it is made of the same parts. */

import { lutimesSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { layers } from './layers.ts';

/** The paths of each layer, folders left out. */
export type LayerPaths = ReadonlyMap<string, readonly string[]>;

export async function buildRootfs(folder: string): Promise<LayerPaths> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const paths = new Map<string, string[]>();
  let before = new Set<string>();
  for (const { name, lay } of layers) {
    await lay(folder);
    const after = new Set(listPaths(folder));
    paths.set(name, [...after.difference(before)]);
    before = after;
  }
  settleTimes(folder);
  return paths;
}

function listPaths(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
}

/** Nothing in it says when it was built. */
function settleTimes(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) settleTimes(join(folder, entry.name));
    lutimesSync(join(folder, entry.name), 0, 0);
  }
}
