/** The end of a chunked body with trailers, for both sides of a connection. */

import type { Conduit } from '../../io/conduit.ts';
import { outputBytes } from '../../io/io.ts';
import type { Head } from '../head.ts';
import { encodeTrailers } from './encode.ts';

/** Writes the last chunk, the fields that are not dropped, and the empty line. */
export function writeTrailers(socket: Conduit, fields: Head): void {
  socket.writeLatin1('0\r\n');
  const out = socket.reserve(outputBytes - 1);
  socket.commit(encodeTrailers(fields, out, socket.outLength));
}
