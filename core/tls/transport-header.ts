/**
 * What the proxy that dials says to the one that accepts, as the first bytes inside of TLS, where
 * both have agreed on the protocol of that name: which port of the host is meant, and what is
 * spoken behind it. The bytes are Linkerd's: a line of text, an empty one, a length of four bytes
 * and a protobuf message.
 */

import { Reader } from '../../api/wire/reader.ts';
import { Writer } from '../../api/wire/writer.ts';
import { assert } from '../base/assert.ts';
import { transportHeaderBytesMax } from '../base/limits.ts';

export interface TransportHeader {
  /** 1 to 65535. */
  readonly port: number;
  /** Of a service behind a gateway, the peer's text; empty for a port of the host itself. */
  readonly name: string;
  /** Null when what follows is not to be looked at. */
  readonly session: Session;
}

export type Session = 'http1' | 'http2' | null;

type Decoded =
  | 'NEED_MORE'
  /** `end` is where what belongs to the stream begins. */
  | { readonly header: TransportHeader; readonly end: number }
  /** A sentence without its full stop. */
  | { readonly malformed: string };

const protocolName = 'transport.l5d.io/v1';

/** As ALPN has it: a length and its bytes. */
export const transportProtocol = Buffer.from(
  `${String.fromCharCode(protocolName.length)}${protocolName}`,
  'latin1',
);

export function encodeTransportHeader(header: TransportHeader): Buffer {
  assert(header.port >= 1 && header.port <= portMax, 'a port is 1 to 65535');
  const writer = new Writer();
  if (header.session !== null) writer.message(Field.SESSION, writeSession, header.session);
  if (header.name !== '') writer.text(Field.NAME, header.name);
  writer.int32(Field.PORT, header.port);
  const message = writer.finish();
  const bytes = Buffer.allocUnsafe(messageAt + message.length);
  preface.copy(bytes);
  bytes.writeUInt32BE(message.length, preface.length);
  bytes.set(message, messageAt);
  return bytes;
}

/**
 * Looks at all bytes that arrived so far, `bytes[start]` being the first inside of TLS. What is
 * wrong is told by the first byte that shows it, and never depends on how the bytes are cut.
 */
export function decodeTransportHeader(bytes: Buffer, start: number, end: number): Decoded {
  const beginning = Math.min(end - start, preface.length);
  if (preface.compare(bytes, start, start + beginning, 0, beginning) !== 0) {
    return { malformed: `it does not begin with ${protocolName}` };
  }
  if (end - start < messageAt) return 'NEED_MORE';
  const length = bytes.readUInt32BE(start + preface.length);
  if (length > messageBytesMax) return { malformed: `its message has ${length} bytes` };
  const from = start + messageAt;
  if (end - from < length) return 'NEED_MORE';
  return decodeMessage(bytes.subarray(from, from + length), from + length);
}

function decodeMessage(bytes: Buffer, end: number): Decoded {
  const reader = new Reader(bytes, { depthMax, elementsMax: 1 });
  let port = 0;
  let name = '';
  let session: Session = null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === Field.PORT * 8) port = reader.int32();
    else if (tag === Field.NAME * 8 + delimited) name = reader.text();
    else if (tag === Field.SESSION * 8 + delimited)
      session = reader.message<Session>(readSession, session);
    else reader.skip(tag);
  }
  if (reader.problem !== null) return { malformed: `its message is malformed: ${reader.problem}` };
  if (port < 1 || port > portMax) return { malformed: `its port is ${port}` };
  return { header: { port, name, session }, end };
}

/** The last of several counts, as everywhere in protobuf. */
function readSession(reader: Reader, held: Session): Session {
  let session = held;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === Field.HTTP1 * 8 + delimited)
      session = reader.message<Session>(readNothing, 'http1');
    else if (tag === Field.HTTP2 * 8 + delimited)
      session = reader.message<Session>(readNothing, 'http2');
    else reader.skip(tag);
  }
  return session;
}

/** Messages without fields of their own; those of a later version are passed by. */
function readNothing(reader: Reader, session: Session): Session {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) reader.skip(tag);
  return session;
}

function writeSession(writer: Writer, session: 'http1' | 'http2'): void {
  writer.message(session === 'http1' ? Field.HTTP1 : Field.HTTP2, writeNothing, null);
}

function writeNothing(): void {}

/** Of the message, and of the one in it about the session. */
const Field = { PORT: 1, NAME: 2, SESSION: 3, HTTP1: 1, HTTP2: 2 } as const;
/** The type of a field that begins with its length. */
const delimited = 2;

const preface = Buffer.from(`${protocolName}\r\n\r\n`, 'latin1');
const messageAt = preface.length + 4;
const messageBytesMax = transportHeaderBytesMax - messageAt;
const depthMax = 8;
const portMax = 65_535;
