/** Made by tools/generate-api.ts from google/protobuf/timestamp.proto; not to be edited. */

import type { Reader } from '../../wire/reader.ts';

export interface Timestamp {
  readonly seconds: bigint;
  readonly nanos: number;
}

export function readTimestamp(reader: Reader, held: Timestamp | null): Timestamp {
  let seconds = held?.seconds ?? 0n;
  let nanos = held?.nanos ?? 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 8:
        seconds = reader.int64();
        break;
      case 16:
        nanos = reader.int32();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { seconds, nanos };
}
