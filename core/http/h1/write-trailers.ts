/** The end of a chunked body with trailers, for both sides of a connection. */

import { outputBytes } from '../../io/io.ts';
import type { Socket } from '../../io/socket.ts';
import type { Head } from '../head.ts';
import { encodeTrailers } from './encode.ts';

/** Writes the last chunk, the fields that are not dropped, and the empty line. */
export function writeTrailers(socket: Socket, fields: Head): void {
  socket.writeLatin1('0\r\n');
  const out = socket.reserve(outputBytes - 1);
  socket.commit(encodeTrailers(fields, out, socket.outLength));
}
