/** The root file system of the image: the same bytes whenever it is made of the same parts. */

import {
  chmodSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { layers } from './layers.ts';

/** Each layer and the paths that it has added, folders among them. */
type LayerPaths = ReadonlyMap<string, readonly string[]>;

/** Into a folder that is emptied. */
export async function buildRootfs(folder: string): Promise<LayerPaths> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const paths = new Map<string, readonly string[]>();
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

/** The same as a folder for each layer, by hard links, which keep capabilities. */
export function splitLayers(rootfs: string, paths: LayerPaths, folder: string): void {
  for (const [name, added] of paths) {
    for (const path of added) {
      const [from, to] = [join(rootfs, path), join(folder, name, path)];
      const stats = lstatSync(from);
      mkdirSync(stats.isDirectory() ? to : dirname(to), { recursive: true });
      if (stats.isDirectory()) chmodSync(to, stats.mode);
      else if (stats.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
      else linkSync(from, to);
    }
    settleTimes(join(folder, name));
  }
}

/** A folder comes before what is in it; links are not followed, as `recursive` of Node would. */
function listPaths(folder: string): string[] {
  const paths: string[] = [];
  const list = (below: string): void => {
    for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
      const path = join(below, entry.name);
      paths.push(path);
      if (entry.isDirectory()) list(path);
    }
  };
  list('');
  return paths;
}

/** Nothing in it says when it was built. */
function settleTimes(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) settleTimes(join(folder, entry.name));
    else lutimesSync(join(folder, entry.name), 0, 0);
  }
  lutimesSync(folder, 0, 0);
}
