/**
 * From what YAML and zod found wrong to what a user needs: line, column, key, reason, remedy. All
 * of a file's problems at once, in the order of their lines.
 */

import { type Document, isMap, isScalar, type LineCounter, type Node } from 'yaml';
import { z } from 'zod';
import { nearestName } from '../../core/base/near-name.ts';
import type { ConfigProblem } from '../model/loaded-config.ts';

export type KeyPath = readonly PropertyKey[];

export interface ParsedFile {
  readonly path: string;
  readonly document: Document;
  readonly lines: LineCounter;
  /** The document as plain data. */
  readonly raw: unknown;
}

/** A problem at the value of `keys`, or where that value is missing, at its nearest parent. */
export function problemAt(
  file: ParsedFile,
  keys: KeyPath,
  reason: string,
  remedy: string,
  where: 'key' | 'value' = 'value',
): ConfigProblem {
  const { line, col } = file.lines.linePos(offsetOf(file.document, keys, where));
  const key = formatKey(keys);
  return { path: file.path, line, column: col, key, entry: entryOf(keys), reason, remedy };
}

/**
 * The service or route that a mistake at `keys` is in, as `services.web`. Empty where it is in none
 * of them: the file has to be refused as a whole.
 */
export function entryOf(keys: KeyPath): string {
  const [section, entry] = keys;
  const isEntry =
    (section === 'services' && typeof entry === 'string') ||
    (section === 'routes' && typeof entry === 'number');
  return isEntry ? formatKey([section, entry]) : '';
}

/** What the shape of the file violates; `schema` names the keys that are allowed. */
export function problemsOfShape(
  file: ParsedFile,
  issues: readonly z.core.$ZodIssue[],
  schema: z.ZodType,
): ConfigProblem[] {
  const shape = z.toJSONSchema(schema, { io: 'input' }) as Shape;
  const problems: ConfigProblem[] = [];
  const seen = new Set<string>();
  for (const issue of issues.flatMap(unfoldUnion)) {
    // One value breaks several checks of its schema; the first says it all.
    if (issue.code !== 'unrecognized_keys' && seen.size === seen.add(formatKey(issue.path)).size) {
      continue;
    }
    problems.push(...problemsOfIssue(file, issue, shape));
    if (problems.length >= problemsMax) break;
  }
  return problems;
}

export function sortProblems(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

/** `services.web.endpoints[1].weight` */
export function formatKey(keys: KeyPath): string {
  let text = '';
  for (const key of keys) {
    if (typeof key === 'number') text += `[${key}]`;
    else text += text === '' ? String(key) : `.${String(key)}`;
  }
  return text;
}

/** What this file needs of a JSON Schema. */
interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: Shape | boolean;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
}

/** Of a choice that failed within its mapping, what is wrong in there says more. */
function unfoldUnion(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const inner = issue.errors.find((branch) => branch.every(({ path }) => path.length > 0));
  if (inner === undefined || inner.length === 0) return [issue];
  return inner.map((one) => Object.assign(one, { path: [...issue.path, ...one.path] }));
}

function problemsOfIssue(file: ParsedFile, issue: z.core.$ZodIssue, shape: Shape): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') {
    const allowed = Object.keys(shapeAt(shape, issue.path)?.properties ?? {});
    return issue.keys
      .slice(0, problemsMax)
      .map((key) =>
        problemAt(file, [...issue.path, key], 'unknown key', remedyOfUnknown(key, allowed), 'key'),
      );
  }
  const message = issue.code === 'invalid_key' ? issue.issues[0].message : issue.message;
  const [expected, remedy = ''] = message.split('; ');
  if (issue.code === 'invalid_key') {
    const reason = `${expected}, got ${show(issue.path.at(-1))}`;
    return [problemAt(file, issue.path, reason, remedy || 'rename it', 'key')];
  }
  const value = valueAt(file.raw, issue.path);
  const got = value === undefined ? 'but it is missing' : `got ${show(value)}`;
  const known = shapeAt(shape, issue.path);
  return [
    problemAt(
      file,
      issue.path,
      `${expected}, ${got}`,
      remedy || remedyOfShape(issue.path.at(-1), known),
    ),
  ];
}

function remedyOfUnknown(key: string, allowed: readonly string[]): string {
  const near = nearestName(key, allowed, Math.max(1, key.length / 3));
  if (near !== null) return `did you mean ${near}?`;
  return allowed.length === 0 ? 'remove it' : `remove it; known here: ${allowed.join(', ')}`;
}

function remedyOfShape(key: PropertyKey | undefined, shape: Shape | null): string {
  const example = shape?.examples?.[0] ?? shape?.default;
  if (example === undefined || typeof key !== 'string') return 'docs/CONFIG.md shows examples';
  return `for example ${key}: ${show(example)}`;
}

function shapeAt(root: Shape, keys: KeyPath): Shape | null {
  let shape: Shape | undefined = root;
  for (const key of keys) {
    const members: readonly Shape[] = shape?.anyOf ?? (shape === undefined ? [] : [shape]);
    shape = undefined;
    for (const member of members) shape ??= step(member, key);
  }
  return shape?.anyOf?.find((member) => member.properties !== undefined) ?? shape ?? null;
}

function step(shape: Shape, key: PropertyKey): Shape | undefined {
  if (typeof key === 'number') return shape.items;
  const property = shape.properties?.[String(key)];
  if (property !== undefined) return property;
  return typeof shape.additionalProperties === 'object' ? shape.additionalProperties : undefined;
}

export function valueAt(raw: unknown, keys: KeyPath): unknown {
  let value = raw;
  for (const key of keys) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
  }
  return value;
}

/** A value in a sentence, cut to 60 characters. */
export function show(value: unknown): string {
  if (value === null) return 'nothing';
  const text = typeof value === 'number' ? String(value) : toJson(value);
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}

function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'nothing';
  } catch {
    return 'what contains itself';
  }
}

function offsetOf(document: Document, keys: KeyPath, where: 'key' | 'value'): number {
  let node: unknown = document.contents;
  let offset = rangeStart(node) ?? 0;
  for (const [index, key] of keys.entries()) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
      if (pair === undefined) return offset;
      const atKey = rangeStart(pair.key) ?? offset;
      const last = index === keys.length - 1;
      offset = last && where === 'key' ? atKey : (rangeStart(pair.value) ?? atKey);
      // A missing member is reported at the name of what should have it.
      if (!last && isMap(pair.value) && !pair.value.has(keys[index + 1])) return atKey;
      node = pair.value;
    } else {
      node = document.getIn(keys.slice(0, index + 1), true);
      offset = rangeStart(node) ?? offset;
    }
  }
  return offset;
}

function rangeStart(node: unknown): number | null {
  return (node as Node | null)?.range?.[0] ?? null;
}

/** More mistakes of one file than anybody reads; finding the place of each takes time. */
const problemsMax = 100;
