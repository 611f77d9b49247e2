/** Messages of any kind, drawn for property tests after their description. */

import {
  create,
  type DescField,
  type DescMessage,
  type DescOneof,
  type Message,
  ScalarType,
} from '@bufbuild/protobuf';
import * as fc from 'fast-check';

/** Of the control plane's codec. */
export function messagesOf(schema: DescMessage): fc.Arbitrary<Message> {
  const depthIdentifier = fc.createDepthIdentifier();
  const { [schema.typeName]: messages } = fc.letrec((tie) => {
    const draw: Draw = {
      message: ({ typeName }) => tie(typeName),
      maybe: (some, none) =>
        fc.oneof(
          { maxDepth, depthIdentifier, depthSize: 'max' },
          { arbitrary: fc.constant(none), weight: 1 },
          ...some.map((arbitrary) => ({ arbitrary, weight: 2 })),
        ),
    };
    return Object.fromEntries(
      typesInside(schema).map((type) => [type.typeName, drawMessage(type, draw)]),
    );
  });
  return messages;
}

interface Draw {
  message(type: DescMessage): fc.Arbitrary<unknown>;
  /** One of `some`, as long as it is not too deep; `none` otherwise. */
  maybe(some: readonly fc.Arbitrary<unknown>[], none: unknown): fc.Arbitrary<unknown>;
}

function typesInside(schema: DescMessage): DescMessage[] {
  const found = new Set([schema]);
  for (const { fields } of found) {
    for (const { message } of fields) if (message !== undefined) found.add(message);
  }
  return [...found];
}

function drawMessage(type: DescMessage, draw: Draw): fc.Arbitrary<Message> {
  const members = type.members.map((member): [string, fc.Arbitrary<unknown>] => [
    member.localName,
    member.kind === 'oneof' ? drawChoice(member, draw) : drawField(member, draw),
  ]);
  return fc.record(Object.fromEntries(members)).map((init) => create(type, init));
}

function drawChoice({ fields }: DescOneof, draw: Draw): fc.Arbitrary<unknown> {
  const arms = fields.map((field) =>
    fc.record({ case: fc.constant(field.localName), value: drawValue(field, draw) }),
  );
  return draw.maybe(arms, undefined);
}

function drawField(field: DescField, draw: Draw): fc.Arbitrary<unknown> {
  if (field.fieldKind === 'map') {
    return fc.dictionary(keys, text, { maxKeys: 3, noNullPrototype: true });
  }
  const value = drawValue(field, draw);
  if (field.fieldKind === 'list') {
    return draw.maybe([fc.array(value, { minLength: 1, maxLength: 3 })], []);
  }
  return field.message === undefined ? value : draw.maybe([value], undefined);
}

function drawValue(field: DescField, draw: Draw): fc.Arbitrary<unknown> {
  if (field.message !== undefined) return draw.message(field.message);
  if (field.enum !== undefined) return fc.oneof(fc.nat(9), int32);
  const values = scalars.get(field.scalar);
  if (values === undefined) throw new Error(`nothing to draw for ${field.toString()}`);
  return values;
}

const maxDepth = 8;
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const text = fc.string({ unit: 'binary' });
/** An object of JavaScript cannot have this one. */
const keys = text.filter((key) => key !== '__proto__');
/** Without -0, which the control plane's codec does not write. */
const double = fc.double().map((value) => value + 0);

const scalars: ReadonlyMap<ScalarType, fc.Arbitrary<unknown>> = new Map<
  ScalarType,
  fc.Arbitrary<unknown>
>([
  [ScalarType.BOOL, fc.boolean()],
  [ScalarType.BYTES, fc.uint8Array()],
  [ScalarType.DOUBLE, double],
  [ScalarType.FIXED32, uint32],
  [ScalarType.FIXED64, uint64],
  [ScalarType.FLOAT, double.map(Math.fround)],
  [ScalarType.INT32, int32],
  [ScalarType.INT64, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
  [ScalarType.STRING, text],
  [ScalarType.UINT32, uint32],
  [ScalarType.UINT64, uint64],
]);
