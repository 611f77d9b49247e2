/**
 * A client of TLS 1.3 (RFC 8446) made of bytes, for what no library sends: hellos of any form,
 * early data, KeyUpdates without end. It shows no certificate and believes the server's. Its one
 * cipher suite is TLS_AES_128_GCM_SHA256, its one group X25519.
 */

import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
} from 'node:crypto';
import { clientHello, type HelloParts, record, recordType } from './tls-hello.ts';
import type { Wire } from './wire.ts';

export class Tls13Client {
  readonly wire: Wire;
  /** The messages of the handshake so far, both sides'. */
  readonly #messages: Buffer[] = [];
  readonly #keys = generateKeyPairSync('x25519');
  #write: Traffic | null = null;
  #read: Traffic | null = null;
  /** Records of these types came since the handshake, decrypted. */
  readonly received: { readonly type: number; readonly body: Buffer }[] = [];

  constructor(wire: Wire) {
    this.wire = wire;
  }

  /** The message of a hello, which is part of the handshake from here on. */
  hello(parts: HelloParts): Buffer {
    const share = this.#keys.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
    const message = clientHello({ ...parts, share });
    this.#messages.push(message);
    return message;
  }

  /** Sends a hello and does the rest; `between` goes out right behind the hello. */
  async shake(parts: HelloParts, between: Buffer = Buffer.alloc(0)): Promise<void> {
    const hello = record(recordType.handshake, this.hello(parts));
    this.#send(Buffer.concat([hello, between]));
    await this.finish();
  }

  /** All of the handshake behind the hello that was sent. */
  async finish(): Promise<void> {
    const serverHello = await this.#readPlain();
    this.#messages.push(serverHello);
    const secret = this.#exchange(findShare(serverHello));
    const early = extract(zeros, zeros);
    const handshake = extract(derive(early, 'derived', hash([])), secret);
    const ours = derive(handshake, 'c hs traffic', hash(this.#messages));
    this.#read = new Traffic(derive(handshake, 's hs traffic', hash(this.#messages)));
    await this.#readFlight();
    const master = extract(derive(handshake, 'derived', hash([])), zeros);
    const done = hash(this.#messages);
    this.#read = new Traffic(derive(master, 's ap traffic', done));
    this.#write = new Traffic(ours);
    this.#answer(ours);
    this.#write = new Traffic(derive(master, 'c ap traffic', done));
  }

  /** In one record. */
  write(text: string): void {
    this.#send(this.seal(recordType.data, Buffer.from(text, 'latin1')));
  }

  /** A record as it goes out next. */
  seal(type: number, body: Buffer): Buffer {
    if (this.#write === null) throw new Error('the handshake is not done');
    return this.#write.seal(type, body);
  }

  /** A KeyUpdate as it goes out next, and new keys behind it (RFC 8446 4.6.3). */
  keyUpdate(requestsUpdate: boolean): Buffer {
    const update = this.seal(recordType.handshake, keyUpdateMessage(requestsUpdate));
    this.#write = this.#write?.next() ?? null;
    return update;
  }

  /** Text of the server up to `text`; its KeyUpdates are followed. */
  async read(text: string): Promise<string> {
    let seen = '';
    while (!seen.includes(text)) {
      const { type, body } = await this.readRecord();
      if (type === recordType.data) seen += body.toString('latin1');
      if (type === recordType.alert)
        throw new Error(`alert ${body.toString('hex')}, after ${seen}`);
    }
    return seen;
  }

  /** The next one behind the handshake, decrypted. */
  async readRecord(): Promise<{ type: number; body: Buffer }> {
    const one = await this.#readSealed();
    if (one.type === recordType.handshake && one.body[0] === messageType.keyUpdate) {
      this.#read = this.#read?.next() ?? null;
    }
    this.received.push(one);
    return one;
  }

  #send(bytes: Buffer): void {
    this.wire.socket.write(bytes);
  }

  #exchange(share: Buffer): Buffer {
    const publicKey = createPublicKey({
      key: Buffer.concat([x25519Prefix, share]),
      format: 'der',
      type: 'spki',
    });
    return diffieHellman({ privateKey: this.#keys.privateKey, publicKey });
  }

  /** From the server's extensions to its Finished, in any number of records. */
  async #readFlight(): Promise<void> {
    let flight = Buffer.alloc(0);
    for (let last = 0; last !== messageType.finished; ) {
      flight = Buffer.concat([flight, (await this.#readSealed()).body]);
      while (flight.length >= 4 && flight.length >= 4 + flight.readUIntBE(1, 3)) {
        const end = 4 + flight.readUIntBE(1, 3);
        last = flight[0];
        this.#messages.push(flight.subarray(0, end));
        flight = flight.subarray(end);
      }
    }
  }

  /** No certificate, if one was asked for, and Finished. */
  #answer(secret: Buffer): void {
    const parts: Buffer[] = [];
    if (this.#messages.some(([type]) => type === messageType.certificateRequest)) {
      parts.push(handshakeMessage(messageType.certificate, Buffer.alloc(4)));
    }
    const key = expandLabel(secret, 'finished', Buffer.alloc(0), 32);
    const verify = hmac(key, hash([...this.#messages, ...parts]));
    parts.push(handshakeMessage(messageType.finished, verify));
    this.#messages.push(...parts);
    this.#send(this.seal(recordType.handshake, Buffer.concat(parts)));
  }

  async #readPlain(): Promise<Buffer> {
    const { type, body } = await this.#nextRecord();
    if (type !== recordType.handshake) throw new Error(`${type} ${body.toString('hex')}`);
    return body;
  }

  async #readSealed(): Promise<{ type: number; body: Buffer }> {
    for (;;) {
      const one = await this.#nextRecord();
      if (one.type === recordType.changeCipherSpec) continue;
      if (one.type === recordType.alert) throw new Error(`alert ${one.body.toString('hex')}`);
      if (this.#read === null) throw new Error('nothing can be read yet');
      return this.#read.open(one.body);
    }
  }

  async #nextRecord(): Promise<{ type: number; body: Buffer }> {
    const head = Buffer.from(await this.wire.readBytes(5), 'latin1');
    if (head.length < 5) throw new Error('closed');
    const body = Buffer.from(await this.wire.readBytes(head.readUInt16BE(3)), 'latin1');
    return { type: head[0], body };
  }
}

/** One direction's keys (RFC 8446 7.3), and how many records they have protected. */
export class Traffic {
  readonly #secret: Buffer;
  readonly #key: Buffer;
  readonly #iv: Buffer;
  #sequence = 0;

  constructor(secret: Buffer) {
    this.#secret = secret;
    this.#key = expandLabel(secret, 'key', Buffer.alloc(0), 16);
    this.#iv = expandLabel(secret, 'iv', Buffer.alloc(0), 12);
  }

  next(): Traffic {
    return new Traffic(expandLabel(this.#secret, 'traffic upd', Buffer.alloc(0), 32));
  }

  seal(type: number, body: Buffer): Buffer {
    const inner = Buffer.concat([body, Buffer.from([type])]);
    const head = record(recordType.data, Buffer.alloc(inner.length + tagBytes)).subarray(0, 5);
    const cipher = createCipheriv('aes-128-gcm', this.#key, this.#nonce()).setAAD(head);
    return Buffer.concat([head, cipher.update(inner), cipher.final(), cipher.getAuthTag()]);
  }

  open(sealed: Buffer): { type: number; body: Buffer } {
    const head = record(recordType.data, sealed).subarray(0, 5);
    const decipher = createDecipheriv('aes-128-gcm', this.#key, this.#nonce()).setAAD(head);
    decipher.setAuthTag(sealed.subarray(-tagBytes));
    const inner = Buffer.concat([decipher.update(sealed.subarray(0, -tagBytes)), decipher.final()]);
    let end = inner.length;
    while (inner[end - 1] === 0) end -= 1;
    return { type: inner[end - 1], body: inner.subarray(0, end - 1) };
  }

  #nonce(): Buffer {
    const nonce = Buffer.from(this.#iv);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ this.#sequence) >>> 0, 8);
    this.#sequence += 1;
    return nonce;
  }
}

function findShare(serverHello: Buffer): Buffer {
  let at = 4 + 2 + 32;
  at += 1 + serverHello[at] + 2 + 1 + 2;
  while (at < serverHello.length) {
    const length = serverHello.readUInt16BE(at + 2);
    if (serverHello.readUInt16BE(at) === 51) return serverHello.subarray(at + 8, at + 4 + length);
    at += 4 + length;
  }
  throw new Error('the server has no share');
}

function handshakeMessage(type: number, body: Buffer): Buffer {
  const head = Buffer.from([type, 0, 0, 0]);
  head.writeUIntBE(body.length, 1, 3);
  return Buffer.concat([head, body]);
}

function keyUpdateMessage(requestsUpdate: boolean): Buffer {
  return handshakeMessage(messageType.keyUpdate, Buffer.from([requestsUpdate ? 1 : 0]));
}

function hash(parts: readonly Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

function hmac(key: Buffer, bytes: Buffer): Buffer {
  return createHmac('sha256', key).update(bytes).digest();
}

function extract(salt: Buffer, material: Buffer): Buffer {
  return hmac(salt, material);
}

function derive(secret: Buffer, label: string, context: Buffer): Buffer {
  return expandLabel(secret, label, context, 32);
}

/** HKDF-Expand-Label of RFC 8446 7.1, for at most one block of output. */
function expandLabel(secret: Buffer, label: string, context: Buffer, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`, 'latin1');
  const info = Buffer.concat([
    Buffer.from([0, length, name.length]),
    name,
    Buffer.from([context.length]),
    context,
    Buffer.from([1]),
  ]);
  return hmac(secret, info).subarray(0, length);
}

const messageType = { certificate: 11, certificateRequest: 13, finished: 20, keyUpdate: 24 };
const zeros = Buffer.alloc(32);
const tagBytes = 16;
/** What goes before the 32 bytes of a public key of X25519 in DER. */
const x25519Prefix = Buffer.from('302a300506032b656e032100', 'hex');
