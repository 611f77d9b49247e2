/** Made by tools/generate-api.ts from google/protobuf/duration.proto; not to be edited. */

import type { Reader } from '../../wire/reader.ts';
import type { Writer } from '../../wire/writer.ts';

export interface Duration {
  readonly seconds: bigint;
  readonly nanos: number;
}

export function readDuration(reader: Reader, held: Duration | null): Duration {
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

export function writeDuration(writer: Writer, message: Duration): void {
  if (message.nanos !== 0) writer.int32(2, message.nanos);
  if (message.seconds !== 0n) writer.int64(1, message.seconds);
}
