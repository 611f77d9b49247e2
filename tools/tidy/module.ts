/**
 * What one TypeScript file says about itself: its imports, exports and names, found in its tokens.
 * Judging them is left to the rules.
 */

import { matching, type Token, tokenize } from './tokens.ts';

interface ImportFact {
  readonly specifier: string;
  readonly line: number;
  /** Imported names as the other file exports them; `*` for all of them. */
  readonly names: readonly string[];
  readonly typeOnly: boolean;
}

interface ExportFact {
  readonly name: string;
  readonly line: number;
}

export interface ModuleFacts {
  /** Without comments. */
  readonly tokens: readonly Token[];
  readonly comments: readonly Token[];
  /** The file's first token is a comment. */
  readonly hasHeader: boolean;
  readonly lines: readonly string[];
  readonly imports: readonly ImportFact[];
  /** What it declares and exports. */
  readonly exports: readonly ExportFact[];
  /** What it exports of other files. */
  readonly reexports: readonly ExportFact[];
  /** Literal parts of all strings and templates. */
  readonly strings: readonly Token[];
}

export function readModule(text: string): ModuleFacts {
  const all = tokenize(text);
  const tokens = all.filter((token) => token.kind !== 'comment');
  const imports: ImportFact[] = [];
  const exports: ExportFact[] = [];
  const reexports: ExportFact[] = [];
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index];
    if (token.kind !== 'word' || tokens[index - 1]?.text === '.') continue;
    if (token.text === 'import') imports.push(...readImport(tokens, index));
    else if (token.text === 'export') readExport(tokens, index, { imports, exports, reexports });
  }
  return {
    tokens,
    comments: all.filter((token) => token.kind === 'comment'),
    hasHeader: all.length > 0 && all[0].kind === 'comment',
    lines: text.split('\n'),
    imports,
    exports,
    reexports,
    strings: tokens.filter((token) => token.kind === 'string'),
  };
}

/** `import 'x'`, `import a, { b as c } from 'x'`, `import * as d from 'x'`, `import('x')`. */
function readImport(tokens: readonly Token[], at: number): ImportFact[] {
  const next = tokens[at + 1];
  if (next === undefined || next.text === '.' || next.text === ':') return [];
  const line = tokens[at].line;
  if (next.kind === 'string') {
    return [{ specifier: next.text, line, names: [], typeOnly: false }];
  }
  if (next.text === '(') {
    const specifier = tokens[at + 2];
    if (specifier?.kind !== 'string') return [];
    return [{ specifier: specifier.text, line, names: ['*'], typeOnly: false }];
  }
  const from = findFrom(tokens, at);
  if (from === -1) return [];
  const typeOnly = next.text === 'type' && tokens[at + 2].text !== 'from';
  const clause = tokens.slice(typeOnly ? at + 2 : at + 1, from);
  const names = readNames(clause, tokens.slice(from + 2));
  return [{ specifier: tokens[from + 1].text, line, names, typeOnly }];
}

/** Index of the `from` that belongs to the statement at `at`, or -1. */
function findFrom(tokens: readonly Token[], at: number): number {
  for (let index = at + 1; index < tokens.length; index++) {
    const token = tokens[index];
    if (token.kind === 'string' || token.text === ';') return -1;
    if (token.text === 'from' && tokens[index + 1]?.kind === 'string') return index;
  }
  return -1;
}

function readNames(clause: readonly Token[], rest: readonly Token[]): string[] {
  const open = clause.findIndex((token) => token.text === '{');
  const star = clause.findIndex((token) => token.text === '*');
  if (star !== -1 && open === -1) return readNamespace(clause.at(-1)?.text ?? '', rest);
  const names = clause[0].text === '{' ? [] : ['default'];
  if (open === -1) return names;
  for (const item of splitByComma(clause.slice(open + 1, -1))) {
    const words = item.map((token) => token.text);
    if (words[0] === 'type' && words.length > 1 && words[1] !== 'as') words.shift();
    if (words.length > 0) names.push(words[0]);
  }
  return names;
}

/** The members of the namespace `name` that the file mentions; all when it passes it on. */
function readNamespace(name: string, rest: readonly Token[]): string[] {
  const members = new Set<string>();
  for (const [index, token] of rest.entries()) {
    if (token.kind !== 'word' || token.text !== name || rest[index - 1]?.text === '.') continue;
    if (rest[index + 1]?.text !== '.') return ['*'];
    members.add(rest[index + 2].text);
  }
  return [...members];
}

function splitByComma(tokens: readonly Token[]): Token[][] {
  const items: Token[][] = [[]];
  for (const token of tokens) {
    if (token.text === ',') items.push([]);
    else items.at(-1)?.push(token);
  }
  return items;
}

interface Found {
  readonly imports: ImportFact[];
  readonly exports: ExportFact[];
  readonly reexports: ExportFact[];
}

function readExport(tokens: readonly Token[], at: number, found: Found): void {
  const line = tokens[at].line;
  let index = at + 1;
  if (tokens[index]?.text === 'type' && /^[{*]$/.test(tokens[index + 1].text)) index += 1;
  const first = tokens[index]?.text ?? '';
  if (first === '{' || first === '*') {
    const from = findFrom(tokens, first === '{' ? matching(tokens, index) - 1 : index);
    const names = first === '*' ? ['*'] : exportedNames(tokens, index);
    if (from === -1) {
      found.exports.push(...names.map((name) => ({ name, line })));
      return;
    }
    found.reexports.push(...names.map((name) => ({ name, line })));
    const specifier = tokens[from + 1].text;
    found.imports.push({ specifier, line, names, typeOnly: false });
    return;
  }
  while (modifiers.has(tokens[index]?.text)) index += 1;
  const declaration = tokens[index]?.text ?? '';
  if (first === 'default') found.exports.push({ name: 'default', line });
  else if (declaration === 'const' && tokens[index + 1]?.text !== 'enum') {
    found.exports.push(...declaredNames(tokens, index + 1).map((name) => ({ name, line })));
  } else {
    const named = tokens.slice(index + 1).find((token) => !declarators.has(token.text));
    if (named !== undefined) found.exports.push({ name: named.text, line });
  }
}

/** The names of `{ a, b as c }` as they are outside the file. */
function exportedNames(tokens: readonly Token[], open: number): string[] {
  return splitByComma(tokens.slice(open + 1, matching(tokens, open)))
    .map((item) => item.at(-1)?.text ?? '')
    .filter((name) => name !== '');
}

function declaredNames(tokens: readonly Token[], at: number): string[] {
  const text = tokens[at]?.text ?? '';
  return text === '{' || text === '[' ? exportedNames(tokens, at) : [text];
}

const modifiers = new Set(['declare', 'abstract', 'async']);
/** What may stand between `export function` and the name. */
const declarators = new Set(['*', 'enum']);
