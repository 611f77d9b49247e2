/**
 * `node tools/tidy.ts [--fix] [path ...]`: the project's own rules, which compiler and linters do
 * not know. Reads the whole tree, prints what breaks a rule (at or below the named paths, if any),
 * and ends with 1 if something does. There is no way to except a file from a rule. `--fix` drops
 * the exports that nobody uses; run it when what uses them is written.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { checkDead } from './tidy/dead.ts';
import { checkGlobals } from './tidy/globals.ts';
import { checkImports } from './tidy/imports.ts';
import { checkComments, checkMarkdown } from './tidy/markdown.ts';
import type { Problem } from './tidy/problem.ts';
import { checkShape } from './tidy/shape.ts';
import { isGenerated, readTree } from './tidy/tree.ts';
import { checkProse, checkWords } from './tidy/words.ts';

/** Everything that is wrong in the tree below `root`, in the order of files and lines. */
export function findProblems(root: string): Problem[] {
  const tree = readTree(root);
  const written = tree.sources.filter(({ path }) => !isGenerated(path));
  const problems = [
    ...checkImports(tree),
    ...written.flatMap(checkShape),
    ...written.flatMap(checkGlobals),
    ...written.flatMap(checkWords),
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

function main(args: readonly string[]): void {
  const root = resolve(import.meta.dirname, '..');
  const wanted = args
    .filter((arg) => arg !== '--fix')
    .map((folder) => folder.replace(/^\.\//, '').replace(/\/+$/, ''));
  let problems = findProblems(root).filter(
    ({ path }) =>
      wanted.length === 0 || wanted.some((one) => path === one || path.startsWith(`${one}/`)),
  );
  if (args.includes('--fix')) problems = fixProblems(root, problems);
  for (const { path, line, message } of problems) {
    process.stdout.write(`${path}:${line}: ${message}\n`);
  }
  process.stderr.write(problems.length === 0 ? 'tidy\n' : `${problems.length} to tidy up\n`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

/** Mends what can be mended by leaving something out; gives what remains. */
export function fixProblems(root: string, problems: readonly Problem[]): Problem[] {
  return problems.filter((problem) => !fix(root, problem));
}

/** Takes out what is surplus; false when nothing is, or it is not where it was found. */
function fix(root: string, { path, line, surplus }: Problem): boolean {
  if (surplus === undefined) return false;
  const lines = readFileSync(join(root, path), 'utf8').split('\n');
  if (!lines[line - 1].startsWith(surplus)) return false;
  lines[line - 1] = lines[line - 1].slice(surplus.length);
  writeFileSync(join(root, path), lines.join('\n'));
  return true;
}

if (import.meta.main) main(process.argv.slice(2));
