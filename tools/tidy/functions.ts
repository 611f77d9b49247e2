/** Finds where functions begin and end, from tokens alone. */

import { matching, type Token } from './tokens.ts';

interface FunctionExtent {
  readonly name: string;
  readonly firstLine: number;
  readonly lastLine: number;
}

/** Every function, method and arrow function with a body in braces. */
export function findFunctions(tokens: readonly Token[]): FunctionExtent[] {
  const found: FunctionExtent[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'punct') continue;
    if (token.text === '(') {
      const body = bodyAfter(tokens, index);
      if (body !== -1) found.push(extent(tokens, { name: nameBefore(tokens, index), body, index }));
    } else if (token.text === '=>' && tokens[index + 1]?.text === '{') {
      const name = isSection(tokens, index) ? sectionName : arrowName(tokens, index);
      found.push(extent(tokens, { name, body: index + 1, index }));
    }
  }
  return found.filter((one) => one.name !== sectionName);
}

function extent(
  tokens: readonly Token[],
  at: { readonly name: string; readonly body: number; readonly index: number },
): FunctionExtent {
  return {
    name: at.name,
    firstLine: tokens[at.index].line,
    lastLine: tokens[matching(tokens, at.body)].line,
  };
}

/** Index of the brace that begins the body behind the parameters at `open`, or -1. */
function bodyAfter(tokens: readonly Token[], open: number): number {
  const before = tokens[open - 1];
  if (before === undefined || statements.has(before.text)) return -1;
  if (before.kind !== 'word' && !/^[>*\]]$/.test(before.text) && before.kind !== 'string')
    return -1;
  const close = matching(tokens, open);
  const next = tokens[close + 1];
  if (next?.text === '{') return close + 1;
  return next?.text === ':' ? skipType(tokens, close + 2) : -1;
}

/** Reads a return type; the brace that follows it begins the body. */
function skipType(tokens: readonly Token[], from: number): number {
  let needsOperand = true;
  for (let index = from; index < tokens.length; index++) {
    const token = tokens[index];
    if (token.text === '{' && !needsOperand) return index;
    if (openers.has(token.text)) {
      index = token.text === '<' ? closeAngle(tokens, index) : matching(tokens, index);
      needsOperand = false;
    } else if (token.kind === 'punct') {
      if (!typeOperators.has(token.text)) return -1;
      needsOperand = true;
    } else if (typeWords.has(token.text)) {
      needsOperand = true;
    } else {
      if (!needsOperand) return -1;
      needsOperand = false;
    }
  }
  return -1;
}

function closeAngle(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let index = open; index < tokens.length; index++) {
    if (tokens[index].text === '<') depth += 1;
    if (tokens[index].text === '>') depth -= 1;
    if (depth === 0) return index;
  }
  return tokens.length - 1;
}

function nameBefore(tokens: readonly Token[], open: number): string {
  let before = open - 1;
  for (let depth = 0; before > 0; before--) {
    if (tokens[before].text === '>') depth += 1;
    if (tokens[before].text === '<') depth -= 1;
    if (depth === 0 && tokens[before].text !== '<') break;
  }
  const { kind, text } = tokens[before];
  return kind === 'word' && text !== 'function' ? text : 'anonymous function';
}

/** The nearest name that an arrow function is given: `const name = (`, `name: (`. */
function arrowName(tokens: readonly Token[], arrow: number): string {
  for (let index = arrow; index > Math.max(0, arrow - 60); index--) {
    const isGiven = tokens[index].text === '=' || tokens[index].text === ':';
    if (isGiven && tokens[index - 1].kind === 'word' && /^(async|\()$/.test(next(tokens, index))) {
      return tokens[index - 1].text;
    }
  }
  return 'arrow function';
}

function next(tokens: readonly Token[], index: number): string {
  return tokens[index + 1]?.text ?? '';
}

/** The callback of `describe('...', () => {` is a heading over tests, not a function of its own. */
function isSection(tokens: readonly Token[], arrow: number): boolean {
  const before = tokens.slice(Math.max(0, arrow - 6), arrow).map((token) => token.text);
  const at = Math.max(before.lastIndexOf('describe'), before.lastIndexOf('suite'));
  return at !== -1 && before[at + 1] === '(' && before.at(-1) === ')';
}

const sectionName = 'describe';
const statements = new Set('if for while switch catch with return await super typeof'.split(' '));
const openers = new Set(['{', '(', '[', '<']);
const typeOperators = new Set(['|', '&', '.', '=>', '?', ':']);
const typeWords = new Set('is keyof typeof readonly extends infer asserts unique new'.split(' '));
