/** Words that the project does not use: marks of unfinished work, switched-off checks, synonyms. */

import type { Problem } from './problem.ts';
import type { Token } from './tokens.ts';
import type { SourceFile, TextFile } from './tree.ts';

export function checkWords(file: SourceFile): Problem[] {
  const problems: Problem[] = [];
  const report = (line: number, message: string): void => {
    problems.push({ path: file.path, line, message });
  };
  for (const comment of file.facts.comments) {
    for (const { pattern, message } of commentBans) {
      const match = pattern.exec(comment.text);
      if (match === null) continue;
      const before = comment.text.slice(0, match.index);
      report(comment.line + before.split('\n').length - 1, `${match[0].trim()}: ${message}`);
    }
  }
  for (const { text, line } of ownNames(file.facts.tokens)) {
    const word = wordsOf(text).find((one) => synonyms.has(one));
    if (word === undefined) continue;
    report(line, `${text}: say ${synonyms.get(word)} (docs/GLOSSARY.md)`);
  }
  return problems;
}

/** The first use of each name that is not a member or a key, which others may have named. */
function ownNames(tokens: readonly Token[]): Token[] {
  const names = new Map<string, Token>();
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'word' || names.has(token.text)) continue;
    if (tokens[index - 1]?.text === '.' || tokens[index + 1]?.text === ':') continue;
    names.set(token.text, token);
  }
  return [...names.values()];
}

/** Documents leave nothing unfinished either. */
export function checkProse(file: TextFile): Problem[] {
  return file.text.split('\n').flatMap((line, index) => {
    const match = unfinished.exec(line);
    if (match === null) return [];
    return [{ path: file.path, line: index + 1, message: `${match[0]}: ${unfinishedMessage}` }];
  });
}

/** `halfOpen` is `half` and `open`. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/);
}

const unfinished = /\b(TODO|FIXME|XXX)\b/;
const unfinishedMessage = 'finish it, or write an entry in docs/decisions';

const commentBans: readonly { readonly pattern: RegExp; readonly message: string }[] = [
  { pattern: unfinished, message: unfinishedMessage },
  {
    pattern: /@ts-(ignore|nocheck|expect-error)|(biome|prettier)-ignore|(ox|es)lint-disable/,
    message: 'a check that is switched off; change the code',
  },
  {
    pattern: /(^|[\s`(])\/(work|tmp|root|home)\/\S*|\b(design|style)\.md|\breference\/\w+\.md/,
    message: 'readers of the project do not have this; say what it says',
  },
];

/** Words with another word of ours for the same thing. */
const synonyms: ReadonlyMap<string, string> = new Map([
  ['blacklist', 'what is refused'],
  ['circuit', 'breaker, gate or failfast'],
  ['middleware', 'layer'],
  ['outlier', 'accrual'],
  ['principal', 'identity'],
  ['sniff', 'detect'],
  ['sniffer', 'detect'],
  ['throttle', 'rate limit or load shed'],
  ['whitelist', 'what is allowed'],
]);
