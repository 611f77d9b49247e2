/**
 * `node tools/tidy.ts [folder ...]`: the project's own rules, which compiler and linters do not
 * know. Reads the whole tree, prints what breaks a rule (below the named folders, if any), and
 * ends with 1 if something does. There is no way to except a file from a rule.
 */

import { resolve } from 'node:path';
import { checkDead } from './tidy/dead.ts';
import { checkGlobals } from './tidy/globals.ts';
import { checkImports } from './tidy/imports.ts';
import { checkComments, checkMarkdown } from './tidy/markdown.ts';
import type { Problem } from './tidy/problem.ts';
import { checkShape } from './tidy/shape.ts';
import { readTree } from './tidy/tree.ts';
import { checkProse, checkWords } from './tidy/words.ts';

/** Everything that is wrong in the tree below `root`, in the order of files and lines. */
export function findProblems(root: string): Problem[] {
  const tree = readTree(root);
  const problems = [
    ...checkImports(tree),
    ...tree.sources.flatMap(checkShape),
    ...tree.sources.flatMap(checkGlobals),
    ...tree.sources.flatMap(checkWords),
    ...checkDead(tree),
    ...tree.markdown.flatMap(checkProse),
    ...checkMarkdown(tree),
    ...checkComments(tree),
  ];
  return problems.toSorted(byPlace);
}

function byPlace(a: Problem, b: Problem): number {
  if (a.path !== b.path) return a.path < b.path ? -1 : 1;
  return a.line - b.line;
}

function main(folders: readonly string[]): void {
  const root = resolve(import.meta.dirname, '..');
  const wanted = folders.map((folder) => folder.replace(/^\.\//, '').replace(/\/+$/, ''));
  const problems = findProblems(root).filter(
    ({ path }) =>
      wanted.length === 0 || wanted.some((one) => path === one || path.startsWith(`${one}/`)),
  );
  for (const { path, line, message } of problems) {
    process.stdout.write(`${path}:${line}: ${message}\n`);
  }
  process.stderr.write(problems.length === 0 ? 'tidy\n' : `${problems.length} to tidy up\n`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

if (import.meta.main) main(process.argv.slice(2));
