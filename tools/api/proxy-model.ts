/** What the parts of the proxy's generator ask of a description: names, kinds, what is inside. */

import {
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  ScalarType,
} from '@bufbuild/protobuf';

/** `http_types` becomes `http-types.ts`, `google/protobuf/duration` becomes `duration.ts`. */
export function fileName(file: DescFile): string {
  return `${file.name.slice(file.name.lastIndexOf('/') + 1).replaceAll('_', '-')}.ts`;
}

/** `TlsIdentity.DnsLikeIdentity` becomes `TlsIdentityDnsLikeIdentity`. */
export function typeName(type: DescMessage | DescEnum): string {
  return `${type.parent === undefined ? '' : typeName(type.parent)}${type.name}`;
}

/** The messages of a file, each before those that are declared in it. */
export function messagesOf(within: DescFile | DescMessage): DescMessage[] {
  const messages = within.kind === 'file' ? within.messages : within.nestedMessages;
  return messages.flatMap((message) => [message].concat(messagesOf(message)));
}

/** `roots`, and every message that a field of theirs may hold, at any depth. */
export function messagesInside(roots: readonly DescMessage[]): Set<DescMessage> {
  const found = new Set(roots);
  for (const message of found) {
    for (const field of message.fields) if (field.message !== undefined) found.add(field.message);
  }
  return found;
}

/** How a field is treated that is neither a message nor a list nor a map. */
interface ValueTraits {
  readonly type: string;
  readonly zero: string;
  /** The method of reader and writer. */
  readonly method: string;
  readonly wireType: number;
}

/** Throws for what the API does not use, and the codec therefore cannot do. */
export function valueTraits(field: DescField): ValueTraits {
  if (field.proto.proto3Optional) throw unsupported(field);
  if (field.enum !== undefined) return enumTraits;
  const traits = scalarTraits.get(field.scalar as ScalarType);
  if (traits === undefined) throw unsupported(field);
  return traits;
}

/** The type of the field, or of one element of it. */
export function valueType(field: DescField): string {
  return field.message === undefined ? valueTraits(field).type : typeName(field.message);
}

export function unsupported(field: DescField): Error {
  return new Error(`${field.parent.typeName}.${field.name}: the proxy's codec cannot do this kind`);
}

const enumTraits: ValueTraits = { type: 'number', zero: '0', method: 'int32', wireType: 0 };

const scalarTraits: ReadonlyMap<ScalarType, ValueTraits> = new Map([
  [ScalarType.UINT32, { type: 'number', zero: '0', method: 'uint32', wireType: 0 }],
  [ScalarType.INT32, { type: 'number', zero: '0', method: 'int32', wireType: 0 }],
  [ScalarType.UINT64, { type: 'bigint', zero: '0n', method: 'uint64', wireType: 0 }],
  [ScalarType.INT64, { type: 'bigint', zero: '0n', method: 'int64', wireType: 0 }],
  [ScalarType.BOOL, { type: 'boolean', zero: 'false', method: 'bool', wireType: 0 }],
  [ScalarType.FIXED64, { type: 'bigint', zero: '0n', method: 'fixed64', wireType: 1 }],
  [ScalarType.DOUBLE, { type: 'number', zero: '0', method: 'double', wireType: 1 }],
  [ScalarType.STRING, { type: 'string', zero: "''", method: 'text', wireType: 2 }],
  [
    ScalarType.BYTES,
    { type: 'Uint8Array', zero: 'new Uint8Array()', method: 'bytes', wireType: 2 },
  ],
  [ScalarType.FIXED32, { type: 'number', zero: '0', method: 'fixed32', wireType: 5 }],
  [ScalarType.FLOAT, { type: 'number', zero: '0', method: 'float', wireType: 5 }],
]);
