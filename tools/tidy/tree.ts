/** Reads the tree that the rules look at. Which rule looks at what is the rules' business. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ModuleFacts, readModule } from './module.ts';

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

export interface SourceFile extends TextFile {
  readonly facts: ModuleFacts;
}

export interface Tree {
  /** All TypeScript. */
  readonly sources: readonly SourceFile[];
  readonly markdown: readonly TextFile[];
  /** Scripts and JSON that may name a source file as what they start. */
  readonly starters: readonly TextFile[];
  /** Every file, for rules that ask whether something exists. */
  readonly paths: ReadonlySet<string>;
  /** The packages that production code may import. */
  readonly packages: ReadonlySet<string>;
}

/** Reads everything below `root` that a person wrote. */
export function readTree(root: string): Tree {
  const paths = listFiles(root, '');
  const read = (path: string): TextFile => ({ path, text: readFileSync(join(root, path), 'utf8') });
  const sources = paths
    .filter((path) => path.endsWith('.ts'))
    .map(read)
    .map(({ path, text }) => ({ path, text, facts: readModule(text) }));
  return {
    sources,
    markdown: paths.filter((path) => path.endsWith('.md')).map(read),
    starters: paths
      .filter((path) => path === 'package.json' || isScript(path))
      .map(read)
      .filter((file) => file.path === 'package.json' || file.text.startsWith('#!')),
    paths: new Set(paths),
    packages: readPackages(root, paths),
  };
}

/**
 * A test, a conformance suite, a fuzzer or a micro-benchmark: nothing imports it, and it may do
 * what tests do.
 */
export function isTestFile(path: string): boolean {
  return /\.(test|suite|fuzz|bench)\.ts$/.test(path);
}

/** Describes to the compiler what others have written, in the form that they chose. */
export function isDeclaration(path: string): boolean {
  return path.endsWith('.d.ts');
}

/** Written by a program, in its own form; the compiler and whoever imports it judge it. */
export function isGenerated(path: string): boolean {
  return path.startsWith('api/gen/');
}

function listFiles(root: string, folder: string): string[] {
  const paths: string[] = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!skippedFolders.has(entry.name) && path !== reportFolder) {
        paths.push(...listFiles(root, path));
      }
    } else if (entry.isFile()) {
      paths.push(path);
    }
  }
  return paths.toSorted((a, b) => (a < b ? -1 : 1));
}

function isScript(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name.endsWith('.sh') || !name.includes('.');
}

function readPackages(root: string, paths: readonly string[]): Set<string> {
  if (!paths.includes('package.json')) return new Set();
  const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const names = (manifest as { dependencies?: Record<string, string> }).dependencies ?? {};
  return new Set(Object.keys(names));
}

const skippedFolders = new Set(['node_modules', '.git', '.bench', 'coverage']);
const reportFolder = 'loadtest/report';
