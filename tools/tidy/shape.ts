/** Rules about one file by itself: its size, its functions, its header, forbidden constructs. */

import { findFunctions } from './functions.ts';
import type { Problem } from './problem.ts';
import { matching, type Token } from './tokens.ts';
import { isDeclaration, isTestFile, type SourceFile } from './tree.ts';

export function checkShape(file: SourceFile): Problem[] {
  const problems: Problem[] = [];
  const report = (line: number, message: string): void => {
    problems.push({ path: file.path, line, message });
  };
  checkSize(file, report);
  checkName(file, report);
  if (!isDeclaration(file.path)) checkConstructs(file, report);
  if (isTestFile(file.path)) checkTest(file.facts.tokens, report);
  return problems;
}

type Report = (line: number, message: string) => void;

function checkSize(file: SourceFile, report: Report): void {
  const { lines, hasHeader, tokens } = file.facts;
  const count = lines.at(-1) === '' ? lines.length - 1 : lines.length;
  if (count > fileLinesMax) {
    report(fileLinesMax + 1, `${count} lines, allowed are ${fileLinesMax}: split by job or state`);
  }
  for (const [index, line] of lines.entries()) {
    if (line.length <= columnsMax) continue;
    report(index + 1, `${line.length} columns, allowed are ${columnsMax}`);
  }
  for (const { name, firstLine, lastLine } of findFunctions(tokens)) {
    const length = lastLine - firstLine + 1;
    if (length <= functionLinesMax) continue;
    report(firstLine, `${name} has ${length} lines, allowed are ${functionLinesMax}`);
  }
  if (!hasHeader) {
    report(1, 'the file begins without a comment: say what it is for and what it leaves to others');
  }
}

function checkName(file: SourceFile, report: Report): void {
  const name = file.path.slice(file.path.lastIndexOf('/') + 1, -'.ts'.length);
  if (!/^[a-z0-9]+([-.][a-z0-9]+)*$/.test(name)) report(1, 'a file name is kebab-case');
  const stem = name.replace(/\.(test|suite|fuzz|bench|d)$/, '');
  if (vagueNames.has(stem)) report(1, `the file name "${stem}" says nothing: name what is in it`);
}

function checkConstructs(file: SourceFile, report: Report): void {
  const { tokens, exports, reexports } = file.facts;
  for (const { line } of reexports) {
    report(line, 'exports what another file declares: import it from there');
  }
  for (const { name, line } of exports) {
    if (name === 'default') report(line, 'default export: give it a name');
  }
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'word' || tokens[index - 1]?.text === '.') continue;
    const first = tokens[index + 1];
    const second = tokens[index + 2];
    if (token.text === 'enum' && first?.kind === 'word' && second?.text === '{') {
      report(token.line, 'enum: use a union of strings or a constant object');
    }
    const isBlock = first !== undefined && first.kind !== 'punct' && second?.text === '{';
    if ((token.text === 'namespace' || token.text === 'module') && isBlock) {
      report(token.line, `${token.text}: use a file`);
    }
    if (token.text === 'as' && first?.text === 'any') {
      report(token.line, 'as any: name the type, or check an unknown');
    }
    if (token.text === 'constructor' && first?.text === '(') {
      checkParameters(tokens.slice(index + 2, matching(tokens, index + 1)), report);
    }
  }
}

function checkParameters(parameters: readonly Token[], report: Report): void {
  for (const [index, token] of parameters.entries()) {
    const next = parameters[index + 1];
    if (!accessWords.has(token.text) || next?.kind !== 'word') continue;
    const before = parameters[index - 1]?.text ?? ',';
    if (before === ',') report(token.line, 'parameter property: declare the field and assign it');
  }
}

/** Tests wait for events and choose nothing by hand. */
function checkTest(tokens: readonly Token[], report: Report): void {
  for (const [index, token] of tokens.entries()) {
    const texts = tokens.slice(index, index + 5).map((one) => one.text);
    if (/^(test|it|describe|suite) \. only \(/.test(texts.join(' '))) {
      report(token.line, 'only: it keeps the other tests from running');
    }
    if (token.text !== 'Promise' || texts[1] !== '(') continue;
    const inside = tokens.slice(index + 2, index + 14);
    const arrow = inside.findIndex((one) => one.text === '=>');
    const call = inside[arrow + (inside[arrow + 1]?.text === '{' ? 2 : 1)];
    if (arrow !== -1 && call?.text === 'setTimeout') {
      report(token.line, 'a sleep: await the event, or move a fake clock');
    }
  }
}

const fileLinesMax = 400;
const functionLinesMax = 70;
const columnsMax = 100;
const accessWords = new Set(['public', 'private', 'protected', 'readonly', 'override']);
const vagueNames = new Set('util utils helper helpers common misc types index shared'.split(' '));
