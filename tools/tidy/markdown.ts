/**
 * Rules about documents: one title each, every file that they name is there, every link leads
 * somewhere. What a document says is left to its readers.
 */

import { posix } from 'node:path';
import type { Problem } from './problem.ts';
import type { TextFile, Tree } from './tree.ts';

export function checkMarkdown(tree: Tree): Problem[] {
  const headings = new Map(tree.markdown.map((file) => [file.path, anchorsOf(file.text)]));
  return tree.markdown.flatMap((file) => {
    const problems: Problem[] = [];
    const report = (line: number, message: string): void => {
      problems.push({ path: file.path, line, message });
    };
    const titles = prose(file.text).filter((line) => line.text.startsWith('# '));
    if (titles.length !== 1) report(1, `has ${titles.length} titles (# ...), must have one`);
    for (const { text, number } of prose(file.text)) {
      for (const [, path] of text.matchAll(/`([^`\s]+)`/g)) {
        if (!exists(path, tree)) report(number, `names ${path}, which does not exist`);
      }
      for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        const reason = refuseLink(file, link, tree, headings);
        if (reason !== null) report(number, reason);
      }
    }
    return problems;
  });
}

/** Names of files in comments, checked as those in documents are. */
export function checkComments(tree: Tree): Problem[] {
  return tree.sources.flatMap(({ path, facts }) =>
    facts.comments.flatMap((comment) =>
      [...comment.text.matchAll(/[\w./{},*-]+\.(ts|md|proto|yaml)\b/g)]
        .filter(([name]) => !exists(name, tree))
        .map(([name]) => ({
          path,
          line: comment.line,
          message: `a comment names ${name}, which does not exist`,
        })),
    ),
  );
}

interface Line {
  readonly text: string;
  readonly number: number;
}

/** The lines outside fenced blocks. */
function prose(text: string): Line[] {
  let fence = '';
  const lines: Line[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1] ?? '';
    if (fence === '' && mark === '') lines.push({ text: line, number: index + 1 });
    else if (fence === '') fence = mark;
    else if (mark.startsWith(fence)) fence = '';
  }
  return lines;
}

/** Is `name` no path of this tree, or one that is there? Braces and stars are understood. */
function exists(name: string, tree: Tree): boolean {
  const path = name.replace(/[.,:;]+$/, '').replace(/\/+$/, '');
  if (!/^[\w.@{},*-]+(\/[\w.@{},*-]+)+$/.test(path)) return true;
  if (!knownFolders.has(path.slice(0, path.indexOf('/')))) return true;
  return expand(path).every((one) => found(one, tree));
}

function found(path: string, tree: Tree): boolean {
  const pattern = path.split('*').map(escapeRegExp).join('[^/]*');
  const matcher = new RegExp(`^${pattern}(\\.ts)?(/|$)`);
  for (const one of tree.paths) if (matcher.test(one)) return true;
  return false;
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** `a/{b,c}` names `a/b` and `a/c`. */
function expand(path: string): string[] {
  const braces = /\{([^{}]*)\}/.exec(path);
  if (braces === null) return [path];
  const [whole, inside] = braces;
  return inside.split(',').flatMap((part) => expand(path.replace(whole, () => part.trim())));
}

function refuseLink(
  file: TextFile,
  link: string,
  tree: Tree,
  headings: ReadonlyMap<string, ReadonlySet<string>>,
): string | null {
  if (/^[a-z]+:/.test(link)) return null;
  const [name, anchor] = link.split('#');
  const path = name === '' ? file.path : posix.join(posix.dirname(file.path), name);
  const target = path.replace(/\/+$/, '');
  if (!found(target, { ...tree, paths: new Set([...tree.paths, file.path]) })) {
    return `links to ${path}, which does not exist`;
  }
  const anchors = headings.get(target);
  if (anchor === undefined || anchors === undefined || anchors.has(anchor)) return null;
  return `links to #${anchor}, which ${target} does not have`;
}

/** What a heading is called in a link, as GitHub does it, and explicit anchors. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const line of prose(text)) {
    const heading = /^#{1,6} (.*)$/.exec(line.text)?.[1];
    if (heading !== undefined) anchors.add(slug(heading));
    for (const [, id] of line.text.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
  }
  return anchors;
}

function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');
}

const knownFolders = new Set(
  'api core workers control cli dashboard deploy test tools native-bench loadtest docs .ci'.split(
    ' ',
  ),
);
