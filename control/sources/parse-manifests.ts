/**
 * From the text of one file of manifests to its objects: YAML or JSON, several documents, lists of
 * objects. An object that is wrong is refused alone; one that is not YAML takes its file with it.
 */

import { type Document, LineCounter, parseAllDocuments } from 'yaml';
import type { ObjectProblem } from '../model/catalog.ts';
import {
  formatKey,
  type KeyPath,
  type ParsedFile,
  problemAt,
  show,
  valueAt,
} from './config-problem.ts';
import { interpretObject } from './manifest-kinds.ts';
import { type FieldProblem, fieldProblems, headerSchema } from './manifest-shapes.ts';
import type { ManifestValue } from './manifest-values.ts';
import { findRepeats } from './yaml-repeats.ts';

interface ManifestObject {
  /** Kind with its group, namespace and name: two objects of one key are one too many. */
  readonly key: string;
  /** `Service demo/web in mesh.d/web.yaml:3` */
  readonly place: string;
  /** Null when it is refused. */
  readonly value: ManifestValue | null;
}

export interface ParsedManifests {
  readonly objects: readonly ManifestObject[];
  readonly problems: readonly ObjectProblem[];
  /** Whether the text could be read; what it said before stays when it could not. */
  readonly isWhole: boolean;
}

/** `path` is for messages. */
export function parseManifests(path: string, text: string): ParsedManifests {
  const lines = new LineCounter();
  const options = { lineCounter: lines, prettyErrors: false, uniqueKeys: false };
  // A text without a document comes with what would be the options of one.
  const parsed = parseAllDocuments(text, options);
  const documents: readonly Document[] = Array.isArray(parsed) ? parsed : [];
  for (const document of documents) {
    const [error] = document.errors;
    if (error === undefined) continue;
    const { line } = lines.linePos(error.pos[0]);
    return unreadable(`${path}:${line}`, `not valid YAML: ${error.message}`);
  }
  if (text.trim() === '') {
    const reason = 'it is empty; delete it, or write a comment into it, if that is meant';
    return unreadable(path, reason);
  }
  const objects: ManifestObject[] = [];
  const problems: ObjectProblem[] = [];
  for (const document of documents) {
    let raw: unknown;
    try {
      raw = document.toJS({ maxAliasCount: aliasesMax });
    } catch (error) {
      return unreadable(path, `not valid YAML: ${(error as Error).message}`);
    }
    // Nothing but comments.
    if (raw === null || raw === undefined) continue;
    const [repeat] = findRepeats(document);
    if (repeat !== undefined) {
      const { line } = lines.linePos(repeat.offset);
      const field = formatKey(repeat.keys);
      const isNextObject = field === 'apiVersion' || field === 'kind';
      const reason = `it is there twice${isNextObject ? '; objects are separated by ---' : ''}`;
      problems.push({ object: `${path}:${line}`, field, reason });
      continue;
    }
    const file = { path, document, lines, raw };
    for (const located of unfoldList(raw)) readObject(file, located, objects, problems);
  }
  return { objects, problems, isWhole: true };
}

interface Located {
  readonly keys: KeyPath;
  readonly value: unknown;
}

/** Items of a list that says so in its kind have the kind of the list, if none of their own. */
function unfoldList(raw: unknown): readonly Located[] {
  const { kind, apiVersion, items } = raw as Record<string, unknown>;
  if (typeof kind !== 'string' || !kind.endsWith('List') || !Array.isArray(items)) {
    return [{ keys: [], value: raw }];
  }
  const ownKind = kind === 'List' ? {} : { kind: kind.slice(0, -'List'.length), apiVersion };
  return items.map((item: unknown, index) => {
    const isMapping = typeof item === 'object' && item !== null && !Array.isArray(item);
    return { keys: ['items', index], value: isMapping ? { ...ownKind, ...item } : item };
  });
}

function readObject(
  file: ParsedFile,
  { keys, value }: Located,
  objects: ManifestObject[],
  problems: ObjectProblem[],
): void {
  const title = titleOf(value);
  const place = (own: KeyPath): string => {
    const { line } = problemAt(file, [...keys, ...own], '', '');
    return `${title === '' ? '' : `${title} in `}${file.path}:${line}`;
  };
  const refuse = (refused: readonly FieldProblem[]): void => {
    for (const { keys: own, reason } of refused) {
      const got = valueAt(value, own);
      const [expected, ...remedy] = reason.split('; ');
      const found = got === undefined ? 'but it is missing' : `got ${show(got)}`;
      const sentence = [`${expected}, ${found}`, ...remedy].join('; ');
      problems.push({ object: place(own), field: formatKey(own), reason: sentence });
    }
  };
  if (valueAt(value, ['kind']) === 'List') {
    refuse([{ keys: ['items'], reason: 'expected a list of objects' }]);
    return;
  }
  const header = headerSchema.safeParse(value);
  if (!header.success) {
    refuse(fieldProblems(header.error));
    return;
  }
  const interpreted = interpretObject(header.data, title);
  const good = 'value' in interpreted ? interpreted.value : null;
  const group = header.data.apiVersion.replace(/\/?[^/]*$/, '');
  objects.push({ key: `${group}/${title}`, place: place([]), value: good });
  if ('problems' in interpreted) refuse(interpreted.problems);
}

/** `Service demo/web`, as far as it can be said. */
function titleOf(value: unknown): string {
  const kind = valueAt(value, ['kind']);
  const name = valueAt(value, ['metadata', 'name']);
  const namespace = valueAt(value, ['metadata', 'namespace']) ?? 'default';
  return isShort(kind) && isShort(namespace) && isShort(name) ? `${kind} ${namespace}/${name}` : '';
}

function isShort(part: unknown): part is string {
  return typeof part === 'string' && part.length <= 253;
}

function unreadable(object: string, reason: string): ParsedManifests {
  return { objects: [], problems: [{ object, field: '', reason }], isWhole: false };
}

const aliasesMax = 100;
