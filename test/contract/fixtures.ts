/** What Linkerd's bindings made of the API: the files that the program in fixtures-go writes. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { JsonValue } from '@bufbuild/protobuf';

interface Fixture {
  readonly type: string;
  readonly case: string;
  /** There is no other way to write it: fields by number, none twice, none unknown. */
  readonly canonical: boolean;
  readonly bytes: Uint8Array;
  readonly json: JsonValue;
}

export function readFixtures(): Fixture[] {
  return readdirSync(fixturesFolder)
    .filter((name) => name !== outlineName)
    .flatMap((name) => readLines(name) as (Fixture & { readonly hex: string })[])
    .map((line) => Object.assign(line, { bytes: new Uint8Array(Buffer.from(line.hex, 'hex')) }));
}

/** A service, message or enum with its parts. */
export interface Declaration {
  readonly kind: string;
  readonly name: string;
  readonly fields?: readonly unknown[];
  readonly values?: readonly unknown[];
  readonly methods?: readonly unknown[];
}

/** What the API declares. */
export function readOutline(): Declaration[] {
  return (readLines(outlineName) as Declaration[]).filter(({ kind }) => kind !== 'module');
}

function readLines(name: string): unknown[] {
  return JSON.parse(readFileSync(join(fixturesFolder, name), 'utf8')) as unknown[];
}

export const fixturesFolder = resolve(import.meta.dirname, 'fixtures');
const outlineName = 'outline.json';
