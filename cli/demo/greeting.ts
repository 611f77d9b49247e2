/**
 * The few bytes of gRPC and Protocol Buffers that the demo speaks: a message whose only field is a
 * string with the number 1 (`greeter.proto`), in the frame that gRPC gives it. Pure.
 */

import { assert } from '../../core/base/assert.ts';

export const greetPath = '/demo.Greeter/Greet';
/** Lengths below 128 are one byte. */
const textBytesMax = 127;
/** A whole message with its frame. */
export const messageBytesMax = 7 + textBytesMax;

/** An empty string is left out, as proto3 has it. */
export function encodeMessage(text: string): Buffer {
  const value = Buffer.from(text);
  assert(value.length <= textBytesMax, 'the length of a text is one byte');
  const field = value.length === 0 ? [] : [fieldTag, value.length];
  const frame = [NOT_COMPRESSED, 0, 0, 0, field.length + value.length];
  return Buffer.concat([Buffer.from([...frame, ...field]), value]);
}

/** The text of a message; null where it is anything else. */
export function decodeMessage(bytes: Buffer): string | null {
  if (bytes.length < 5 || bytes[0] !== NOT_COMPRESSED) return null;
  if (bytes.readUInt32BE(1) !== bytes.length - 5) return null;
  if (bytes.length === 5) return '';
  const length = bytes.length - 7;
  if (length > textBytesMax || bytes[5] !== fieldTag || bytes[6] !== length) return null;
  return bytes.toString('utf8', 7);
}

const NOT_COMPRESSED = 0;
/** Field 1, with a length in front. */
const fieldTag = 0x0a;
