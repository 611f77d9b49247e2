/**
 * Splits TypeScript into tokens, well enough for rules that look at names, braces and comments.
 * It knows strings, templates with their expressions, regular expressions and comments; it does
 * not know grammar, which the compiler has already checked when these rules run.
 */

type TokenKind = 'word' | 'punct' | 'string' | 'number' | 'regex' | 'comment';

export interface Token {
  readonly kind: TokenKind;
  /** As written; a string without its quotes, a template's literal parts one by one. */
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

/** All tokens of `text` in order, comments among them. */
export function tokenize(text: string): Token[] {
  const scanner = new Scanner(text);
  scanner.run();
  return scanner.tokens;
}

/** Index of the bracket that closes the one at `open`; the last index when none does. */
export function matching(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let index = open; index < tokens.length; index++) {
    const token = tokens[index];
    if (token.kind !== 'punct') continue;
    if (token.text === '(' || token.text === '[' || token.text === '{') depth += 1;
    else if (token.text === ')' || token.text === ']' || token.text === '}') depth -= 1;
    if (depth === 0) return index;
  }
  return tokens.length - 1;
}

class Scanner {
  readonly tokens: Token[] = [];
  readonly #text: string;
  #at = 0;
  #line = 1;
  /** The last token that is not a comment: decides whether a slash divides. */
  #previous: Token | null = null;
  /** For each open parenthesis: was the word before it `if`, `while`, `for` or `with`. */
  readonly #conditions: boolean[] = [];
  #afterCondition = false;
  /** Depth of braces, and the depths at which a template goes on behind a brace. */
  #braces = 0;
  readonly #templates: number[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  run(): void {
    if (this.#text.startsWith('#!')) this.#skipTo(lineEnd(this.#text, 0));
    while (this.#at < this.#text.length) this.#step();
  }

  #step(): void {
    const char = this.#text[this.#at];
    if (char === '\n') this.#line += 1;
    if (/\s/.test(char)) this.#at += 1;
    else if (char === '/') this.#slash();
    else if (char === "'" || char === '"') this.#string(char);
    else if (char === '`') this.#template();
    else if (/[A-Za-z_$#]/.test(char) || char > '\x7f') this.#pattern('word', wordPattern);
    else if (/[0-9]/.test(char)) this.#pattern('number', numberPattern);
    else this.#punct(char);
  }

  #slash(): void {
    const next = this.#text[this.#at + 1];
    if (next === '/') this.#take('comment', lineEnd(this.#text, this.#at));
    else if (next === '*') this.#take('comment', this.#find('*/', this.#at + 2));
    else if (this.#divides()) this.#take('punct', this.#at + 1);
    else this.#take('regex', this.#regexEnd());
  }

  #divides(): boolean {
    const token = this.#previous;
    if (token === null) return false;
    if (token.kind === 'word') return !operatorWords.has(token.text);
    if (token.kind !== 'punct') return true;
    if (token.text === ')') return !this.#afterCondition;
    return token.text === ']' || token.text === '}';
  }

  #regexEnd(): number {
    let inClass = false;
    let at = this.#at + 1;
    for (; at < this.#text.length && this.#text[at] !== '\n'; at++) {
      const char = this.#text[at];
      if (char === '\\') at += 1;
      else if (char === '[') inClass = true;
      else if (char === ']') inClass = false;
      else if (char === '/' && !inClass) break;
    }
    at += 1;
    while (at < this.#text.length && /[a-z]/.test(this.#text[at])) at += 1;
    return at;
  }

  #string(quote: string): void {
    let at = this.#at + 1;
    while (at < this.#text.length && this.#text[at] !== quote && this.#text[at] !== '\n') {
      at += this.#text[at] === '\\' ? 2 : 1;
    }
    this.#push('string', this.#text.slice(this.#at + 1, at));
    this.#skipTo(at + 1);
  }

  /** Reads on from a backtick, or from the brace that ends an expression in a template. */
  #template(): void {
    let at = this.#at + 1;
    const start = at;
    while (at < this.#text.length && this.#text[at] !== '`' && !this.#text.startsWith('${', at)) {
      at += this.#text[at] === '\\' ? 2 : 1;
    }
    this.#push('string', this.#text.slice(start, at));
    if (this.#text[at] === '$') {
      this.#skipTo(at + 2);
      this.#templates.push(this.#braces);
      this.#previous = null;
    } else {
      this.#skipTo(at + 1);
    }
  }

  #punct(char: string): void {
    if (char === '}' && this.#templates.at(-1) === this.#braces) {
      this.#templates.pop();
      this.#template();
      return;
    }
    if (char === '{') this.#braces += 1;
    if (char === '}') this.#braces -= 1;
    if (char === '(') this.#conditions.push(conditionWords.has(this.#previous?.text ?? ''));
    if (char === ')') this.#afterCondition = this.#conditions.pop() ?? false;
    const long = longPuncts.find((punct) => this.#text.startsWith(punct, this.#at));
    this.#take('punct', this.#at + (long ?? char).length);
  }

  #pattern(kind: TokenKind, pattern: RegExp): void {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    this.#take(kind, this.#at + Math.max(1, match?.[0].length ?? 1));
  }

  #find(needle: string, from: number): number {
    const found = this.#text.indexOf(needle, from);
    return found === -1 ? this.#text.length : found + needle.length;
  }

  #take(kind: TokenKind, end: number): void {
    this.#push(kind, this.#text.slice(this.#at, end));
    this.#skipTo(end);
  }

  #push(kind: TokenKind, text: string): void {
    const token = { kind, text, line: this.#line };
    this.tokens.push(token);
    if (kind !== 'comment') this.#previous = token;
  }

  #skipTo(end: number): void {
    for (let at = this.#at; at < end; at++) if (this.#text[at] === '\n') this.#line += 1;
    this.#at = end;
  }
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end;
}

const wordPattern = /[#\w$\u0080-\uffff]+/y;
const numberPattern = /[0-9][\w.]*/y;
const longPuncts = ['...', '=>', '?.'];
const conditionWords = new Set(['if', 'while', 'for', 'with']);
/** Words after which a slash begins a regular expression. */
const operatorWords = new Set(
  'return typeof instanceof in of new delete void throw case do else await yield'.split(' '),
);
