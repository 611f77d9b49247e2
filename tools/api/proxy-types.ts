/** Renders what the proxy's codec reads into and writes from: interfaces, and names of numbers. */

import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescOneof,
  ScalarType,
} from '@bufbuild/protobuf';
import { renderComment } from './proto-comments.ts';
import { typeName, unsupported, valueType } from './proxy-model.ts';

/** A field that may be absent is null then; a choice names its arm, null is none that we know. */
export function renderInterface(message: DescMessage): string {
  const head = `${renderComment(message)}export`;
  if (message.members.length === 0)
    return `${head} type ${typeName(message)} = Record<string, never>;`;
  const members = message.members.map((member) =>
    member.kind === 'oneof' ? renderChoice(member) : renderField(member),
  );
  return `${head} interface ${typeName(message)} {\n${members.join('\n')}\n}`;
}

/** Numbers stay numbers, because a newer peer may send one without a name here. */
export function renderEnum(type: DescEnum): string {
  const values = type.values.map(({ name, number }) => `${name}: ${number},`);
  const object = `{\n${values.join('\n')}\n} as const`;
  return `${renderComment(type)}export const ${typeName(type)} = ${object};`;
}

function renderField(field: DescField): string {
  return `${renderComment(field)}readonly ${field.localName}: ${fieldType(field)};`;
}

function renderChoice(choice: DescOneof): string {
  const arms = choice.fields.map((field) => {
    const kind = `${renderComment(field)}readonly kind: '${field.localName}'`;
    const end = kind.includes('\n') ? '\n' : '';
    return `| {${end} ${kind}; readonly value: ${valueType(field)} }`;
  });
  return `${renderComment(choice)}readonly ${choice.localName}:\n${arms.join('\n')}\n| null;`;
}

function fieldType(field: DescField): string {
  if (field.fieldKind === 'map') {
    const isText = field.mapKey === ScalarType.STRING && field.scalar === ScalarType.STRING;
    if (!isText) throw unsupported(field);
    return 'ReadonlyMap<string, string>';
  }
  if (field.fieldKind === 'list') return `readonly ${valueType(field)}[]`;
  return field.message === undefined ? valueType(field) : `${valueType(field)} | null`;
}
