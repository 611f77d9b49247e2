/**
 * The proxy's codec as tests want it: its functions by the name of their message, and its messages
 * turned into the control plane's and back, so that the two codecs can be compared.
 */

import { readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { create, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf';
import type { Malformed, ReadLimits } from '../../api/wire/reader.ts';
import { controlSchema } from './control-schemas.ts';

export type ProxyMessage = Readonly<Record<string, unknown>>;
type Decode = (bytes: Uint8Array, limits: ReadLimits) => ProxyMessage | Malformed;
type Encode = (message: ProxyMessage) => Uint8Array;

interface ProxyCodec<Code> {
  readonly schema: DescMessage;
  readonly code: Code;
}

/** The control plane's form of a message of the proxy. */
export function toControl(schema: DescMessage, message: ProxyMessage): Message {
  const init: Record<string, unknown> = {};
  for (const { kind, localName, ...member } of schema.members) {
    const value = message[localName];
    if (value === null) continue;
    if (kind === 'field') init[localName] = fieldToControl(member as DescField, value);
    else {
      const arm = value as { readonly kind: string; readonly value: unknown };
      const field = schema.field[arm.kind];
      init[localName] = { case: arm.kind, value: fieldToControl(field, arm.value) };
    }
  }
  return create(schema, init);
}

/** The proxy's form of a message of the control plane. */
export function fromControl(schema: DescMessage, message: Message): ProxyMessage {
  const values = message as unknown as ProxyMessage;
  const entries = schema.members.map((member): [string, unknown] => {
    const value = values[member.localName];
    if (member.kind === 'field') return [member.localName, fieldFromControl(member, value)];
    const arm = value as { readonly case: string | undefined; readonly value: unknown };
    if (arm.case === undefined) return [member.localName, null];
    const inside = fieldFromControl(schema.field[arm.case], arm.value);
    return [member.localName, { kind: arm.case, value: inside }];
  });
  return Object.fromEntries(entries);
}

function fieldToControl(field: DescField, value: unknown): unknown {
  if (field.fieldKind === 'map') return Object.fromEntries(value as Map<string, string>);
  const { message } = field;
  if (message === undefined) return value;
  if (field.fieldKind !== 'list') return toControl(message, value as ProxyMessage);
  return (value as ProxyMessage[]).map((one) => toControl(message, one));
}

function fieldFromControl(field: DescField, value: unknown): unknown {
  if (field.fieldKind === 'map') return new Map(Object.entries(value as Record<string, string>));
  const { message } = field;
  if (message === undefined) return value;
  if (value === undefined) return null;
  if (field.fieldKind !== 'list') return fromControl(message, value as Message);
  return (value as Message[]).map((one) => fromControl(message, one));
}

/** Functions of `api/gen/proxy` whose names begin so. */
async function findFunctions<Code>(prefix: string): Promise<ProxyCodec<Code>[]> {
  const found: ProxyCodec<Code>[] = [];
  for (const file of readdirSync(proxyFolder)) {
    const module = (await import(join(proxyFolder, file))) as Record<string, Code>;
    const part = basename(file, '.ts').replaceAll('-', '_');
    for (const [name, code] of Object.entries(module)) {
      if (!name.startsWith(prefix)) continue;
      const schema = controlSchema(`${packageOf(part)}.${name.slice(prefix.length)}`);
      found.push({ schema, code });
    }
  }
  return found;
}

/** Of a file of codecs. */
function packageOf(part: string): string {
  return part === 'registry' ? 'heddle.registry.v1' : `io.linkerd.proxy.${part}`;
}

const proxyFolder = resolve(import.meta.dirname, '../../api/gen/proxy');

/** What the proxy reads, and what it writes. */
export const decoders = await findFunctions<Decode>('decode');
export const encoders = await findFunctions<Encode>('encode');
