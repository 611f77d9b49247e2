/**
 * A second reader of the wire format, slow and plain, for fuzzers to compare the proxy's with. It
 * goes by the description of a message, splits bytes into records first, and merges a message that
 * is sent in pieces by reading the pieces one behind the other.
 */

import { type DescField, type DescMessage, type DescOneof, ScalarType } from '@bufbuild/protobuf';
import type { ReadLimits } from '../../api/wire/reader.ts';
import type { ProxyMessage } from './proxy-codecs.ts';

/** What the proxy has to read; null when the bytes are malformed or beyond the limits. */
export function readReference(
  schema: DescMessage,
  bytes: Uint8Array,
  limits: ReadLimits,
): ProxyMessage | null {
  try {
    const elements = check(schema, split(bytes, limits.depthMax), limits.depthMax);
    return elements > limits.elementsMax ? null : build(schema, bytes);
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

/** The wire type that a field has to have; with another one it is unknown. */
export function wireTypeOf(field: DescField): number {
  if (field.fieldKind === 'map' || field.message !== undefined) return 2;
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return 2;
    case ScalarType.FIXED64:
    case ScalarType.DOUBLE:
      return 1;
    case ScalarType.FIXED32:
    case ScalarType.FLOAT:
      return 5;
    default:
      return 0;
  }
}

class Refusal extends Error {}

/** The value is a number, or the bytes behind a length; a group has none. */
interface Record {
  readonly number: number;
  readonly wireType: number;
  readonly value: bigint | Uint8Array;
}

/** `depthMax` counts the message itself. Throws a refusal. */
function split(bytes: Uint8Array, depthMax: number): Record[] {
  const records: Record[] = [];
  const cursor = { bytes, at: 0 };
  while (cursor.at < bytes.length) records.push(splitOne(cursor, depthMax));
  return records;
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

function splitOne(cursor: Cursor, depthMax: number): Record {
  if (depthMax < 1) throw new Refusal();
  const tag = takeVarint(cursor);
  const [number, wireType] = [Number(tag >> 3n), Number(tag & 7n)];
  if (number === 0 || tag > 0xffffffffn) throw new Refusal();
  switch (wireType) {
    case 0:
      return { number, wireType, value: takeVarint(cursor) };
    case 1:
      return { number, wireType, value: takeFixed(cursor, 8) };
    case 2:
      return { number, wireType, value: take(cursor, takeVarint(cursor)) };
    case 3:
      for (;;) {
        if (depthMax < 2) throw new Refusal();
        const { at } = cursor;
        const end = takeVarint(cursor);
        if (end === tag + 1n) return { number, wireType, value: 0n };
        cursor.at = at;
        splitOne(cursor, depthMax - 1);
      }
    case 5:
      return { number, wireType, value: takeFixed(cursor, 4) };
    default:
      throw new Refusal();
  }
}

function take(cursor: Cursor, size: bigint): Uint8Array {
  const end = BigInt(cursor.at) + size;
  if (end > BigInt(cursor.bytes.length)) throw new Refusal();
  const from = cursor.at;
  cursor.at = Number(end);
  return cursor.bytes.slice(from, cursor.at);
}

function takeFixed(cursor: Cursor, size: number): bigint {
  return take(cursor, BigInt(size)).reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

function takeVarint(cursor: Cursor): bigint {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const [byte] = take(cursor, 1n);
    value |= BigInt(byte & 0x7f) << shift;
    if (value > 2n ** 64n - 1n || (shift === 63n && byte > 0x7f)) throw new Refusal();
    if (byte < 0x80) return value;
  }
}

/** Throws a refusal for what is wrong inside; gives the number of elements of lists and maps. */
function check(schema: DescMessage, records: readonly Record[], depthMax: number): number {
  if (depthMax < 1) throw new Refusal();
  let elements = 0;
  for (const record of records) {
    const field = fieldOf(schema, record);
    if (field === undefined) continue;
    const { value } = record;
    if (field.fieldKind === 'list' || field.fieldKind === 'map') elements += 1;
    if (field.fieldKind === 'map') {
      if (depthMax < 2) throw new Refusal();
      for (const inner of split(value as Uint8Array, depthMax - 1)) {
        if (inner.number < 3 && inner.wireType === 2) readText(inner.value);
      }
    } else if (field.message !== undefined) {
      const inner = split(value as Uint8Array, depthMax - 1);
      elements += check(field.message, inner, depthMax - 1);
    } else if (field.scalar === ScalarType.STRING) readText(value);
  }
  return elements;
}

/** The field that a record belongs to, if number and type fit. */
function fieldOf(schema: DescMessage, record: Record): DescField | undefined {
  const field = schema.fields.find(({ number }) => number === record.number);
  return field !== undefined && wireTypeOf(field) === record.wireType ? field : undefined;
}

function build(schema: DescMessage, bytes: Uint8Array): ProxyMessage {
  const records = split(bytes, Number.POSITIVE_INFINITY);
  const entries = schema.members.map((member): [string, unknown] => [
    member.localName,
    member.kind === 'oneof'
      ? buildChoice(schema, member, records)
      : buildField(
          member,
          records.filter((record) => fieldOf(schema, record) === member),
        ),
  ]);
  return Object.fromEntries(entries);
}

/** The last arm counts, with as many records as it has without another arm between. */
function buildChoice(schema: DescMessage, choice: DescOneof, records: readonly Record[]): unknown {
  const arms = records.filter((record) => fieldOf(schema, record)?.oneof === choice);
  const field = arms.length === 0 ? undefined : fieldOf(schema, arms[arms.length - 1]);
  if (field === undefined) return null;
  const from = arms.findLastIndex((record) => fieldOf(schema, record) !== field) + 1;
  return { kind: field.localName, value: buildField(field, arms.slice(from)) };
}

function buildField(field: DescField, records: readonly Record[]): unknown {
  const values = records.map(({ value }) => value);
  if (field.fieldKind === 'map') return new Map(values.map(buildEntry));
  const { message } = field;
  if (field.fieldKind === 'list') {
    if (message === undefined) return values.map((value) => buildScalar(field, value));
    return values.map((value) => build(message, value as Uint8Array));
  }
  if (message !== undefined) {
    return values.length === 0 ? null : build(message, Buffer.concat(values as Uint8Array[]));
  }
  const isBytes = field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES;
  return buildScalar(field, values.at(-1) ?? (isBytes ? new Uint8Array() : 0n));
}

function buildEntry(value: bigint | Uint8Array): [string, string] {
  const entry = ['', ''] satisfies [string, string];
  for (const inner of split(value as Uint8Array, Number.POSITIVE_INFINITY)) {
    if (inner.number < 3 && inner.wireType === 2) entry[inner.number - 1] = readText(inner.value);
  }
  return entry;
}

function buildScalar({ scalar, enum: type }: DescField, value: bigint | Uint8Array): unknown {
  if (scalar === ScalarType.STRING) return readText(value);
  if (typeof value !== 'bigint') return new Uint8Array(value);
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, value);
  if (type !== undefined || scalar === ScalarType.INT32) return view.getInt32(4);
  switch (scalar) {
    case ScalarType.BOOL:
      return value !== 0n;
    case ScalarType.DOUBLE:
      return view.getFloat64(0);
    case ScalarType.FLOAT:
      return view.getFloat32(4);
    case ScalarType.INT64:
      return view.getBigInt64(0);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return value;
    default:
      return view.getUint32(4);
  }
}

function readText(value: bigint | Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value as Uint8Array);
  } catch {
    throw new Refusal();
  }
}
