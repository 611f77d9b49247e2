/** Made by tools/generate-api.ts from opaque_route.proto; not to be edited. */

import type { Reader } from '../../wire/reader.ts';

/** The route's configuration cannot be used. */
export interface Invalid {
  readonly message: string;
}

/** No policy lets the connection out. */
export type Forbidden = Record<string, never>;

export function readInvalid(reader: Reader, held: Invalid | null): Invalid {
  let message = held?.message ?? '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        message = reader.text();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { message };
}

export function readForbidden(reader: Reader): Forbidden {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) reader.skip(tag);
  return {};
}
