/** Renders the function that writes a message, from its last field to its first. */

import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { typeName, unsupported, valueTraits } from './proxy-model.ts';

export function renderWriter(message: DescMessage): string {
  const name = typeName(message);
  const fields = message.fields.toSorted((a, b) => b.number - a.number);
  return `function write${name}(writer: Writer, message: ${name}): void {
${fields.map(renderField).join('\n')}
}`;
}

/** What has its default value is not written, except in a choice, where it says which arm. */
function renderField(field: DescField): string {
  const value = `message.${field.localName}`;
  if (field.fieldKind === 'map') return `writer.textEntries(${field.number}, ${value});`;
  if (field.fieldKind === 'list') {
    if (field.message === undefined) throw unsupported(field);
    return `writer.messages(${field.number}, write${typeName(field.message)}, ${value});`;
  }
  if (field.oneof === undefined) return `if (${isPresent(field)}) ${renderValue(field, value)}`;
  const choice = `message.${field.oneof.localName}`;
  const isChosen = `${choice}?.kind === '${field.localName}'`;
  return `if (${isChosen}) ${renderValue(field, `${choice}.value`)}`;
}

function isPresent(field: DescField): string {
  const value = `message.${field.localName}`;
  if (field.message !== undefined) return `${value} !== null`;
  const { type, zero } = valueTraits(field);
  return type === 'Uint8Array' ? `${value}.length > 0` : `${value} !== ${zero}`;
}

function renderValue(field: DescField, value: string): string {
  if (field.message !== undefined) {
    return `writer.message(${field.number}, write${typeName(field.message)}, ${value});`;
  }
  const { method } = valueTraits(field);
  if (!writerMethods.has(method)) throw unsupported(field);
  return `writer.${method}(${field.number}, ${value});`;
}

const writerMethods = new Set('uint32 int32 uint64 int64 fixed32 fixed64 text bytes'.split(' '));
