/**
 * Finds files that nothing starts or imports, and exports that no other file uses. What starts a
 * file is found, not listed: package.json and scripts that name it, and strings that name it as
 * `new URL('./worker.ts', import.meta.url)` does. Tests start themselves and keep nothing alive
 * but what lies in test/. Generated code may offer more than is used, and keeps what it needs.
 */

import { posix } from 'node:path';
import { resolveImport } from './imports.ts';
import type { Problem } from './problem.ts';
import { isDeclaration, isGenerated, isTestFile, type SourceFile, type Tree } from './tree.ts';

export function checkDead(tree: Tree): Problem[] {
  const roots = startedFiles(tree);
  const named = new Map(tree.sources.map((file) => [file.path, namedFiles(file, tree.paths)]));
  const byName = new Set([...roots, ...[...named.values()].flat()]);
  return [...deadFiles(tree, roots, named), ...deadExports(tree.sources, byName)];
}

/**
 * What package.json and scripts name: by its whole path, or a script's neighbour by its name. The
 * files of tools/ itself are started by people.
 */
function startedFiles(tree: Tree): string[] {
  const isNamed = (path: string): boolean =>
    tree.starters.some((starter) => {
      const isNeighbour = posix.dirname(starter.path) === posix.dirname(path);
      return starter.text.includes(isNeighbour ? posix.basename(path) : path);
    });
  return tree.sources
    .map((file) => file.path)
    .filter((path) => posix.dirname(path) === 'tools' || isNamed(path));
}

/** Files that a string names: from the file's own folder, or from the root of the tree. */
function namedFiles(file: SourceFile, paths: ReadonlySet<string>): string[] {
  const imported = new Set(file.facts.imports.map((one) => one.specifier));
  const found: string[] = [];
  for (const { text } of file.facts.strings) {
    if (!text.endsWith('.ts') || imported.has(text) || /\s/.test(text)) continue;
    const name = text.replace(/^\/+/, '');
    const beside = posix.join(posix.dirname(file.path), name);
    const path = [beside, name].find((one) => paths.has(one) && one !== file.path);
    if (path !== undefined) found.push(path);
  }
  return found;
}

type Named = ReadonlyMap<string, readonly string[]>;

function deadFiles(tree: Tree, roots: readonly string[], named: Named): Problem[] {
  const paths = tree.sources.map(({ path }) => path);
  const used = reach(tree, [...roots, ...paths.filter(isGenerated)], named);
  const tests = paths.filter(isTestFile);
  const tested = reach(tree, tests, named);
  return tree.sources
    .filter(({ path }) => !isTestFile(path) && !isForeign(path) && !used.has(path))
    .filter(({ path }) => !path.startsWith('test/') || !tested.has(path))
    .map(({ path }) => ({
      path,
      line: 1,
      message: tested.has(path)
        ? 'only tests use this file: use it, delete it, or move it to test/support'
        : 'nothing uses this file: use it or delete it',
    }));
}

function isForeign(path: string): boolean {
  return isDeclaration(path) || isGenerated(path);
}

/** Everything that `roots` import or name, and what those do in turn. */
function reach(tree: Tree, roots: readonly string[], named: Named): Set<string> {
  const byPath = new Map(tree.sources.map((file) => [file.path, file]));
  const seen = new Set<string>();
  const queue = [...roots];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const file = byPath.get(path);
    if (file === undefined || seen.has(path)) continue;
    seen.add(path);
    for (const { specifier } of file.facts.imports) {
      const target = resolveImport(path, specifier);
      if (target !== null) queue.push(target);
    }
    queue.push(...(named.get(path) ?? []));
  }
  return seen;
}

function deadExports(sources: readonly SourceFile[], byName: ReadonlySet<string>): Problem[] {
  const usedNames = new Map<string, Set<string>>();
  for (const file of sources) {
    for (const { specifier, names } of file.facts.imports) {
      const target = resolveImport(file.path, specifier);
      if (target === null) continue;
      const known = usedNames.get(target) ?? new Set<string>();
      usedNames.set(target, known);
      for (const name of names) known.add(name);
    }
  }
  const problems: Problem[] = [];
  for (const { path, facts } of sources) {
    const known = usedNames.get(path) ?? new Set<string>();
    if (isTestFile(path) || byName.has(path) || known.has('*') || isForeign(path)) continue;
    for (const { name, line } of facts.exports) {
      if (known.has(name)) continue;
      const message = `${name} is exported and used by no other file: drop the export`;
      problems.push({ path, line, message, surplus: 'export ' });
    }
  }
  return problems;
}
