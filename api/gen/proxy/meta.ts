/** Made by tools/generate-api.ts from meta.proto; not to be edited. */

import type { Reader } from '../../wire/reader.ts';

export interface Metadata {
  readonly kind:
    | {
        /** The name of a default that no object stands for. */
        readonly kind: 'default';
        readonly value: string;
      }
    | { readonly kind: 'resource'; readonly value: Resource }
    | null;
}

export interface Resource {
  /** The API group; empty for the core group. */
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  /** A named part of the object, such as a port's name. */
  readonly section: string;
  readonly port: number;
}

export function readMetadata(reader: Reader, held: Metadata | null): Metadata {
  let kind: Metadata['kind'] = held?.kind ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        kind = { kind: 'default', value: reader.text() };
        break;
      case 18:
        kind = {
          kind: 'resource',
          value: reader.message(readResource, kind?.kind === 'resource' ? kind.value : null),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { kind };
}

function readResource(reader: Reader, held: Resource | null): Resource {
  let group = held?.group ?? '';
  let kind = held?.kind ?? '';
  let name = held?.name ?? '';
  let namespace = held?.namespace ?? '';
  let section = held?.section ?? '';
  let port = held?.port ?? 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        group = reader.text();
        break;
      case 18:
        kind = reader.text();
        break;
      case 26:
        name = reader.text();
        break;
      case 34:
        namespace = reader.text();
        break;
      case 42:
        section = reader.text();
        break;
      case 48:
        port = reader.uint32();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { group, kind, name, namespace, section, port };
}
