/**
 * A decoded request or response head: the bytes, and offsets into them. One object serves many
 * heads in turn; nothing of it is a string until somebody asks. The decoders of h1 and h2 fill it.
 */

import { canonicalAuthority } from './authority.ts';
import { equalsName, nameBytes } from './byte-class.ts';
import { Known } from './known-fields.ts';

/** Methods are case-sensitive (RFC 9110 9.1); any other token is OTHER and passes. */
export const Method = {
  OTHER: 0,
  GET: 1,
  HEAD: 2,
  POST: 3,
  PUT: 4,
  DELETE: 5,
  CONNECT: 6,
  OPTIONS: 7,
  TRACE: 8,
  PATCH: 9,
} as const;

/** The forms of a request target, RFC 9112 3.2. */
export const Form = {
  ORIGIN: 0,
  ABSOLUTE: 1,
  AUTHORITY: 2,
  ASTERISK: 3,
  /** Absolute, and goes on so: whom the client has asked is to be a proxy, and not we. */
  WHOLE: 4,
} as const;

/** How a body is delimited. `NONE` also where a length of 0 says so. */
export const Framing = { NONE: 0, LENGTH: 1, CHUNKED: 2, CLOSE: 3 } as const;

/** What the options of Connection mean, as bits of `Head.connection`; NAMED: other fields. */
export const ConnectionOption = { CLOSE: 1, KEEP_ALIVE: 2, UPGRADE: 4, NAMED: 8 } as const;

export class Head {
  bytes: Buffer = nothing;
  /** First byte: of the method or the status line in HTTP/1, of anything of it in HTTP/2. */
  start = 0;
  /** Behind the empty line. */
  end = 0;
  method = 0;
  methodStart = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  form = 0;
  /** From the target where it has one, else from Host; -1 when neither names any. */
  authorityStart = -1;
  authorityEnd = -1;
  /** Where the path (or `?` of a target without path) begins; -1 when the target has neither. */
  pathStart = -1;
  /** Version as received: 1.0, 1.1 or 2. */
  major = 1;
  minor = 1;
  /** What it was before it came over HTTP/2, a sum of OrigProto; -1 for nothing else. */
  restored = -1;
  /** HTTP/2 only: the scheme was https; which pseudo-headers there were, as bits. */
  secure = false;
  pseudoSeen = 0;
  protocolStart = 0;
  protocolEnd = 0;
  status = 0;
  reasonStart = 0;
  reasonEnd = 0;

  count = 0;
  /** Four offsets a field: name, its end, value, its end; the white space around is left out. */
  fields = new Int32Array(fieldsMin * 4);
  known = new Uint8Array(fieldsMin);
  /** 1 where a field is not to be forwarded; `dropField` sets it. */
  dropped = new Uint8Array(fieldsMin);
  droppedCount = 0;
  /** 1 where a field came as never indexed (RFC 7541 6.2.3); only if `hasSensitive`. */
  sensitive = new Uint8Array(fieldsMin);
  hasSensitive = false;
  /** Known fields that occur, and those that occur more than once: bit `1 << id`. */
  seen = 0;
  repeated = 0;

  framing = 0;
  /** Of the body that follows, where framing is LENGTH; as declared, else -1. */
  contentLength = -1;
  keepAlive = true;
  /** Bits of ConnectionOption. */
  connection = 0;
  /** A wish to change protocols that may be forwarded; in a response, that it was granted. */
  upgrade = false;
  upgradeField = -1;
  expectContinue = false;
  hostField = -1;
  lengthField = -1;
  codingField = -1;
  expectField = -1;
  typeField = -1;
  /** The first line reads as we would write it: version 1.1, and in a response a space behind. */
  canonicalLine = true;

  /** Bytes from the first on that an incomplete head was searched through already. */
  scanned = 0;
  /** Where the offending byte of a refused head stands, counted from the head's first byte. */
  errorAt = 0;

  #held: Buffer = nothing;

  /** Forgets everything about the last head; the decoders call it before they fill the object. */
  clear(bytes: Buffer, start: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = start;
    this.method = 0;
    this.methodStart = start;
    this.methodEnd = start;
    this.targetStart = start;
    this.targetEnd = start;
    this.form = 0;
    this.authorityStart = -1;
    this.authorityEnd = -1;
    this.pathStart = -1;
    this.major = 1;
    this.minor = 1;
    this.restored = -1;
    this.secure = false;
    this.pseudoSeen = 0;
    this.status = 0;
    this.reasonStart = start;
    this.reasonEnd = start;
    this.count = 0;
    this.droppedCount = 0;
    this.hasSensitive = false;
    this.seen = 0;
    this.repeated = 0;
    this.framing = 0;
    this.contentLength = -1;
    this.keepAlive = true;
    this.connection = 0;
    this.upgrade = false;
    this.upgradeField = -1;
    this.expectContinue = false;
    this.hostField = -1;
    this.lengthField = -1;
    this.codingField = -1;
    this.expectField = -1;
    this.typeField = -1;
    this.canonicalLine = true;
  }

  /** Makes room for more fields than most heads have; the decoders bound their number. */
  growFields(): void {
    const { fields, known, dropped, sensitive } = this;
    this.fields = new Int32Array(fields.length * 2);
    this.known = new Uint8Array(known.length * 2);
    this.dropped = new Uint8Array(dropped.length * 2);
    this.sensitive = new Uint8Array(sensitive.length * 2);
    this.fields.set(fields);
    this.known.set(known);
    this.dropped.set(dropped);
    this.sensitive.set(sensitive);
  }

  /** Copies the head into a buffer of its own, so that it outlives the read buffer. */
  hold(): void {
    const { start, end } = this;
    if (this.bytes === this.#held) return;
    if (this.#held.length < end - start) {
      this.#held = Buffer.allocUnsafeSlow(Math.max(heldBytesMin, end - start));
    }
    this.bytes.copy(this.#held, 0, start, end);
    this.bytes = this.#held;
    this.start = 0;
    this.end = end - start;
    this.methodStart -= start;
    this.methodEnd -= start;
    this.targetStart -= start;
    this.targetEnd -= start;
    if (this.authorityStart >= 0) this.authorityStart -= start;
    if (this.authorityEnd >= 0) this.authorityEnd -= start;
    if (this.pathStart >= 0) this.pathStart -= start;
    this.reasonStart -= start;
    this.reasonEnd -= start;
    const length = this.count * 4;
    for (let i = 0; i < length; i++) this.fields[i] -= start;
  }

  /** Remembers where a field that the proxy cares about stands; the decoders call it. */
  noteField(id: number, index: number): void {
    const bit = 1 << id;
    if ((this.seen & bit) !== 0) this.repeated |= bit;
    this.seen |= bit;
    switch (id) {
      case Known.HOST:
        this.hostField = index;
        break;
      case Known.CONTENT_LENGTH:
        this.lengthField = index;
        break;
      case Known.TRANSFER_ENCODING:
        this.codingField = index;
        break;
      case Known.UPGRADE:
        this.upgradeField = index;
        break;
      case Known.EXPECT:
        this.expectField = index;
        break;
      case Known.CONTENT_TYPE:
        this.typeField = index;
        break;
      case Known.L5D:
        if (this.#hasUnderscore(index)) this.dropField(index);
        break;
    }
  }

  /** Keeps field `index` from being forwarded. */
  dropField(index: number): void {
    if (this.dropped[index] === 0) this.droppedCount++;
    this.dropped[index] = 1;
  }

  /** Field `index` is not to enter a table of HPACK. */
  markSensitive(index: number): void {
    if (!this.hasSensitive) this.sensitive.fill(0);
    this.hasSensitive = true;
    this.sensitive[index] = 1;
  }

  /** A head of its own with the same fields, for what has to wait. */
  copyFields(): Head {
    const copy = new Head();
    while (copy.known.length < this.count) copy.growFields();
    copy.clear(this.bytes, this.start);
    copy.end = this.end;
    copy.count = this.count;
    copy.droppedCount = this.droppedCount;
    copy.hasSensitive = this.hasSensitive;
    copy.fields.set(this.fields.subarray(0, this.count * 4));
    copy.known.set(this.known.subarray(0, this.count));
    copy.dropped.set(this.dropped.subarray(0, this.count));
    copy.sensitive.set(this.sensitive.subarray(0, this.count));
    copy.hold();
    return copy;
  }

  /** The value of field `index`, as latin1 and without the white space around it. */
  valueOf(index: number): string {
    const { fields } = this;
    const at = index * 4;
    return this.bytes.toString('latin1', fields[at + 2], fields[at + 3]);
  }

  /** The first field of this name (given in lower case) from `from` on, or -1. */
  find(nameLower: string, from = 0): number {
    const name = nameBytes(nameLower);
    const { bytes, fields, count } = this;
    for (let index = from; index < count; index++) {
      const at = index * 4;
      if (equalsName(bytes, fields[at], fields[at + 1], name)) return index;
    }
    return -1;
  }

  /** The first field with this number of Known, or -1. */
  findKnown(id: number): number {
    const { known, count } = this;
    for (let index = 0; index < count; index++) if (known[index] === id) return index;
    return -1;
  }

  /** Who the request is for, in canonical spelling; '' when it does not say. */
  authority(): string {
    if (this.authorityStart < 0) return '';
    return canonicalAuthority(this.bytes, this.authorityStart, this.authorityEnd);
  }

  /** `l5d_client_id` is our field to an application that maps names to variables (class 33). */
  #hasUnderscore(index: number): boolean {
    const { bytes, fields } = this;
    const end = fields[(index << 2) + 1];
    for (let at = fields[index << 2]; at < end; at++) if (bytes[at] === 0x5f) return true;
    return false;
  }
}

/** What `known` and `dropped` need so far lies in the heap of the engine, without a malloc. */
const fieldsMin = 16;
const heldBytesMin = 512;
const nothing = Buffer.alloc(0);
