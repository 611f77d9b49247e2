/**
 * The handshake of WebSocket, where one side of the proxy has it in HTTP/1.1 (RFC 6455 4) and the
 * other in HTTP/2 (RFC 8441 5), which knows neither key nor accept.
 */

import type { Random } from '../base/random.ts';
import type { Head } from './head.ts';

/** A fresh `sec-websocket-key`: 16 bytes by chance. */
export function createWebSocketKey(random: Random): string {
  const bytes = Buffer.alloc(16);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(random.uint32(), at);
  return bytes.toString('base64');
}

/** What a 101 to this HTTP/1.1 request has to say, as field lines. */
export function upgradeFields(request: Head): string {
  const upgrade = `upgrade: ${request.valueOf(request.upgradeField)}\r\n`;
  const key = request.find('sec-websocket-key');
  if (key < 0) return upgrade;
  // Loaded by the first who needs it: it takes 5 ms, which would be the start of every thread.
  const { createHash } = process.getBuiltinModule('node:crypto');
  const accept = createHash('sha1')
    .update(request.valueOf(key) + keySuffix)
    .digest('base64');
  return `${upgrade}sec-websocket-accept: ${accept}\r\n`;
}

/** Keeps a field of this name from being forwarded. */
export function dropNamed(head: Head, name: string): void {
  const index = head.find(name);
  if (index >= 0) head.dropField(index);
}

/** RFC 6455 1.3. */
const keySuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
