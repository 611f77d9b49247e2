/** Rules about imports between files: ranks, cycles, and the packages that may be used where. */

import { posix } from 'node:path';
import type { Problem } from './problem.ts';
import { refuseImport } from './ranks.ts';
import { isTestFile, type SourceFile, type Tree } from './tree.ts';

export function checkImports(tree: Tree): Problem[] {
  const problems: Problem[] = [];
  for (const file of tree.sources) {
    for (const { specifier, line, typeOnly } of file.facts.imports) {
      const target = resolveImport(file.path, specifier);
      const reason =
        target === null
          ? refusePackage(file.path, specifier, tree.packages)
          : refuseImport(file.path, target, typeOnly);
      if (reason !== null) problems.push({ path: file.path, line, message: reason });
    }
  }
  return [...problems, ...findCycles(tree.sources)];
}

/** The path that a relative specifier means; null for a package. */
export function resolveImport(from: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  return posix.join(posix.dirname(from), specifier);
}

/** A package belongs to few folders, so that the proxy's threads do not carry what others need. */
function refusePackage(
  path: string,
  specifier: string,
  packages: ReadonlySet<string>,
): string | null {
  if (specifier.startsWith('node:') || isTestFile(path)) return null;
  const parts = specifier.split('/');
  const name = specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0];
  if (freeFolders.some((folder) => path.startsWith(folder))) return null;
  if (!packages.has(name)) return `imports ${name}, which package.json does not depend on`;
  const folders = packageFolders[name];
  if (folders === undefined || folders.some((folder) => path.startsWith(folder))) return null;
  return `imports ${name}, which only ${folders.join(', ')} may`;
}

/** Each cycle once, reported at its file that comes first in the alphabet. */
function findCycles(sources: readonly SourceFile[]): Problem[] {
  const byPath = new Map(sources.map((file) => [file.path, file]));
  const state = new Map<string, 'open' | 'done'>();
  const trail: string[] = [];
  const problems: Problem[] = [];
  const visit = (file: SourceFile): void => {
    state.set(file.path, 'open');
    trail.push(file.path);
    for (const { specifier, line } of file.facts.imports) {
      const target = byPath.get(resolveImport(file.path, specifier) ?? '');
      if (target === undefined) continue;
      const seen = state.get(target.path);
      if (seen === undefined) visit(target);
      if (seen !== 'open') continue;
      const cycle = [...trail.slice(trail.indexOf(target.path)), target.path];
      const message = `closes a cycle of imports: ${cycle.join(' -> ')}`;
      problems.push({ path: file.path, line, message });
    }
    trail.pop();
    state.set(file.path, 'done');
  };
  for (const file of sources) if (!state.has(file.path)) visit(file);
  return problems;
}

const freeFolders = ['test/', 'tools/', 'native-bench/', 'loadtest/', 'dashboard/'];
const packageFolders: Readonly<Record<string, readonly string[]>> = {
  '@bufbuild/protobuf': ['api/gen/control/', 'control/', 'cli/'],
  commander: ['cli/'],
  'dns-packet': ['control/'],
  msgpackr: ['api/'],
  piscina: ['workers/'],
  yaml: ['control/', 'cli/', 'deploy/'],
  zod: ['control/', 'cli/'],
};
