/**
 * Goal: our descriptions declare what Linkerd's bindings declare, every message and field with its
 * number, name and type, and nothing more below number 1000; from there on fields are our own.
 * Method: an outline that the bindings wrote of themselves, beside the same outline of what was
 * generated from ours.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type DescService,
  ScalarType,
} from '@bufbuild/protobuf';
import { controlFiles } from './control-schemas.ts';
import { type Declaration, readOutline } from './fixtures.ts';

test('every declaration of the bindings is in api/proto, and no other', () => {
  const ours = controlFiles.flatMap(outlineFile);
  const theirs = readOutline();
  assert.ok(theirs.length > 150, 'the outline of the bindings is complete');
  assert.deepEqual(ours.map(nameOf).toSorted(), theirs.map(nameOf).toSorted());
  const byName = new Map(ours.map((one) => [nameOf(one), one]));
  for (const one of theirs) assert.deepEqual(byName.get(nameOf(one)), one, one.name);
});

function nameOf({ kind, name }: Declaration): string {
  return `${kind} ${name}`;
}

function outlineFile(file: DescFile): Declaration[] {
  return [
    ...file.services.map(outlineService),
    ...file.enums.map(outlineEnum),
    ...file.messages.flatMap(outlineMessages),
  ];
}

function outlineService({ typeName, methods }: DescService): Declaration {
  const outline = methods.toSorted(byName).map((method) => ({
    name: method.name,
    input: method.input.typeName,
    output: method.output.typeName,
    stream: method.methodKind === 'server_streaming',
  }));
  return { kind: 'service', name: typeName, methods: outline };
}

function byName(a: DescMethod, b: DescMethod): number {
  return a.name < b.name ? -1 : 1;
}

function outlineEnum({ typeName, values }: DescEnum): Declaration {
  const outline = values.map(({ number, name }) => ({ number, name }));
  return { kind: 'enum', name: typeName, values: outline };
}

function outlineMessages(message: DescMessage): Declaration[] {
  const { typeName, fields, nestedMessages, nestedEnums } = message;
  const outline: Declaration = { kind: 'message', name: typeName };
  const theirs = fields.filter(({ number }) => number < ownNumbers);
  const sorted = theirs.toSorted((a, b) => a.number - b.number).map(outlineField);
  return [
    theirs.length === 0 ? outline : { ...outline, fields: sorted },
    ...nestedEnums.map(outlineEnum),
    ...nestedMessages.flatMap(outlineMessages),
  ];
}

function outlineField(field: DescField): object {
  const { number, name, jsonName: json, oneof } = field;
  const type = (field.message ?? field.enum)?.typeName ?? scalarName(field.scalar);
  const outline = { number, name, json, type, shape: shapeOf(field) };
  return oneof === undefined ? outline : { ...outline, oneof: oneof.name };
}

function shapeOf(field: DescField): string {
  if (field.fieldKind === 'map') return `map by ${scalarName(field.mapKey)}`;
  return field.fieldKind === 'list' ? 'list' : 'single';
}

function scalarName(scalar: ScalarType | undefined): string {
  const entry = Object.entries(ScalarType).find(([, value]) => value === scalar);
  return (entry?.[0] ?? '').toLowerCase();
}

/** The first field that Linkerd's side passes by. */
const ownNumbers = 1000;
