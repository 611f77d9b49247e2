/**
 * Renders the function that reads a message: a variable for each field, a loop over tags, and an
 * object of fixed shape at the end.
 */

import { type DescField, type DescMessage, type DescOneof, ScalarType } from '@bufbuild/protobuf';
import { typeName, unsupported, valueTraits, valueType } from './proxy-model.ts';

export function renderReader(message: DescMessage): string {
  const name = typeName(message);
  if (message.members.length === 0) {
    return `function read${name}(reader: Reader): ${name} {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) reader.skip(tag);
  return {};
}`;
  }
  const variables = message.members.map((member) =>
    member.kind === 'oneof' ? renderChoice(name, member) : renderVariable(member),
  );
  const cases = message.fields.map(
    (field) => `case ${tagOf(field)}:\n${renderCase(field)};\nbreak;`,
  );
  return `function read${name}(reader: Reader, held: ${name} | null): ${name} {
${variables.join('\n')}
for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
switch (tag) {
${cases.join('\n')}
default:
reader.skip(tag);
}
}
return { ${message.members.map((member) => member.localName).join(', ')} };
}`;
}

function renderChoice(name: string, { localName }: DescOneof): string {
  return `let ${localName}: ${name}['${localName}'] = held?.${localName} ?? null;`;
}

function renderVariable(field: DescField): string {
  const { localName } = field;
  const held = `held?.${localName}`;
  if (field.fieldKind === 'map') {
    return `const ${localName} = (${held} ?? new Map()) as Map<string, string>;`;
  }
  if (field.fieldKind === 'list') {
    return `const ${localName} = (${held} ?? []) as ${valueType(field)}[];`;
  }
  const zero = field.message === undefined ? valueTraits(field).zero : 'null';
  return `let ${localName} = ${held} ?? ${zero};`;
}

/** Number and type as the wire has them; the same number with another type is an unknown field. */
function tagOf(field: DescField): number {
  const isMessage = field.fieldKind === 'map' || field.message !== undefined;
  return field.number * 8 + (isMessage ? 2 : valueTraits(field).wireType);
}

function renderCase(field: DescField): string {
  const { localName, oneof } = field;
  if (field.fieldKind === 'map') return `reader.textEntry(${localName})`;
  if (field.fieldKind === 'list') return renderAppend(field);
  if (oneof === undefined) return `${localName} = ${renderValue(field, localName)}`;
  const held = `${oneof.localName}?.kind === '${localName}' ? ${oneof.localName}.value : null`;
  return `${oneof.localName} = { kind: '${localName}', value: ${renderValue(field, held)} }`;
}

function renderAppend(field: DescField): string {
  if (field.message !== undefined) {
    return `reader.append(${field.localName}, read${typeName(field.message)})`;
  }
  if (field.scalar === ScalarType.STRING) return `reader.appendText(${field.localName})`;
  if (field.scalar === ScalarType.BYTES) return `reader.appendBytes(${field.localName})`;
  throw unsupported(field);
}

function renderValue(field: DescField, held: string): string {
  if (field.message === undefined) return `reader.${valueTraits(field).method}()`;
  return `reader.message(read${typeName(field.message)}, ${held})`;
}
