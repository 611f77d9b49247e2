/** ClientHellos of any form, and the records that they travel in (RFC 8446 4.1.2 and 5.1). */

export interface HelloParts {
  /** As they are, also what is no name; null for no such extension. */
  readonly serverName?: string | null;
  readonly alpn?: readonly string[];
  /** How many suites are offered, the one that is meant among them as the last. */
  readonly suites?: number;
  /** Types and bodies of further ones, in their order, before that of `last`. */
  readonly extensions?: readonly (readonly [type: number, body: Buffer])[];
  /** The last extension, as a binder of a session has to be. */
  readonly last?: readonly [type: number, body: Buffer];
  /** The public key of X25519; 32 zeros, which are none, by default. */
  readonly share?: Buffer;
}

/** The message, without a record. */
export function clientHello(parts: HelloParts): Buffer {
  const { serverName = null, alpn = [], suites = 1, share = Buffer.alloc(32) } = parts;
  const extensions: Buffer[] = [];
  if (serverName !== null) extensions.push(extension(0, serverNames(serverName)));
  if (alpn.length > 0) extensions.push(extension(16, protocols(alpn)));
  extensions.push(
    extension(10, Buffer.from('0002001d', 'hex')),
    extension(13, Buffer.from('0006040308040807', 'hex')),
    extension(43, Buffer.from('020304', 'hex')),
    extension(45, Buffer.from('0101', 'hex')),
    extension(51, Buffer.concat([Buffer.from('0024001d0020', 'hex'), share])),
    ...(parts.extensions ?? []).map(([type, body]) => extension(type, body)),
    ...(parts.last === undefined ? [] : [extension(...parts.last)]),
  );
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([0]),
    counted(suiteList(suites)),
    Buffer.from([1, 0]),
    counted(Buffer.concat(extensions)),
  ]);
  const head = Buffer.from([1, 0, 0, 0]);
  head.writeUIntBE(body.length, 1, 3);
  return Buffer.concat([head, body]);
}

/** A record of TLS. */
export function record(type: number, body: Buffer): Buffer {
  const head = Buffer.from([type, 3, 3, 0, 0]);
  head.writeUInt16BE(body.length, 3);
  return Buffer.concat([head, body]);
}

/** A message in records of at most `size` bytes. */
export function fragments(message: Buffer, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    parts.push(record(recordType.handshake, message.subarray(at, at + size)));
  }
  return Buffer.concat(parts);
}

function extension(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(type);
  return Buffer.concat([head, counted(body)]);
}

function serverNames(name: string): Buffer {
  return counted(Buffer.concat([Buffer.from([0]), counted(Buffer.from(name, 'latin1'))]));
}

function protocols(names: readonly string[]): Buffer {
  const bytes = names.map((name) => Buffer.from(name, 'latin1'));
  return counted(Buffer.concat(bytes.flatMap((name) => [Buffer.from([name.length]), name])));
}

/** Those that nobody knows, and TLS_AES_128_GCM_SHA256. */
function suiteList(count: number): Buffer {
  const list = Buffer.alloc(2 * count, 0xee);
  if (count > 0) list.writeUInt16BE(0x1301, list.length - 2);
  return list;
}

/** With its length before it, in two bytes. */
function counted(body: Buffer): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(body.length);
  return Buffer.concat([head, body]);
}

export const recordType = { changeCipherSpec: 20, alert: 21, handshake: 22, data: 23 };
