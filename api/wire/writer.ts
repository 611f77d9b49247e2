/**
 * Writes the protobuf wire format, for the writers in `api/gen/proxy`. It begins with the last
 * byte: when a message is complete its length is known and goes in front of it, so nothing is
 * measured first and nothing is moved. Fields are therefore given from the last to the first.
 */

/** Writes the fields of one message, the last one first. */
type WriteMessage<Message> = (writer: Writer, message: Message) => void;

export class Writer {
  #bytes = Buffer.allocUnsafe(firstBytes);
  /** The first byte that has been written; what is written stands at the end. */
  #at = firstBytes;

  /** What has been written, in memory of its own. */
  finish(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(this.#at));
  }

  message<Message>(field: number, write: WriteMessage<Message>, message: Message): void {
    const behind = this.#length();
    write(this, message);
    this.#tagLength(field, this.#length() - behind);
  }

  messages<Message>(field: number, write: WriteMessage<Message>, list: readonly Message[]): void {
    for (let index = list.length - 1; index >= 0; index--) this.message(field, write, list[index]);
  }

  textEntries(field: number, map: ReadonlyMap<string, string>): void {
    this.messages(field, writeTextEntry, [...map]);
  }

  text(field: number, value: string): void {
    const length = Buffer.byteLength(value);
    this.#claim(length);
    this.#bytes.write(value, this.#at);
    this.#tagLength(field, length);
  }

  bytes(field: number, value: Uint8Array): void {
    this.#claim(value.length);
    this.#bytes.set(value, this.#at);
    this.#tagLength(field, value.length);
  }

  uint32(field: number, value: number): void {
    this.#varint(value);
    this.#tag(field, WireType.VARINT);
  }

  /** One below 0 takes ten bytes, as if it had 64 bits. */
  int32(field: number, value: number): void {
    if (value >= 0) this.uint32(field, value);
    else this.int64(field, BigInt(value));
  }

  uint64(field: number, value: bigint): void {
    this.#varint64(value);
    this.#tag(field, WireType.VARINT);
  }

  int64(field: number, value: bigint): void {
    this.uint64(field, value);
  }

  fixed32(field: number, value: number): void {
    this.#claim(4);
    this.#bytes.writeUInt32LE(value, this.#at);
    this.#tag(field, WireType.FIXED32);
  }

  fixed64(field: number, value: bigint): void {
    this.#claim(8);
    this.#bytes.writeBigUInt64LE(value, this.#at);
    this.#tag(field, WireType.FIXED64);
  }

  #length(): number {
    return this.#bytes.length - this.#at;
  }

  #tagLength(field: number, length: number): void {
    this.#varint(length);
    this.#tag(field, WireType.BYTES);
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number): void {
    let rest = value >>> 0;
    this.#claim(rest < 0x80 ? 1 : Math.ceil((32 - Math.clz32(rest)) / 7));
    let at = this.#at;
    for (; rest > 0x7f; rest >>>= 7) this.#bytes[at++] = (rest & 0x7f) | 0x80;
    this.#bytes[at] = rest;
  }

  #varint64(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    let size = 1;
    for (let more = rest >> 7n; more !== 0n; more >>= 7n) size += 1;
    this.#claim(size);
    let at = this.#at;
    for (; rest > 0x7fn; rest >>= 7n) this.#bytes[at++] = Number(rest & 0x7fn) | 0x80;
    this.#bytes[at] = Number(rest);
  }

  /** Makes room for `size` bytes in front of what there is. */
  #claim(size: number): void {
    if (size > this.#at) {
      const length = this.#length();
      const larger = Buffer.allocUnsafe(2 * (length + size));
      this.#bytes.copy(larger, larger.length - length, this.#at);
      this.#bytes = larger;
      this.#at = larger.length - length;
    }
    this.#at -= size;
  }
}

function writeTextEntry(writer: Writer, [key, value]: readonly [string, string]): void {
  writer.text(2, value);
  writer.text(1, key);
}

/** The last three bits of a tag: https://protobuf.dev/programming-guides/encoding. */
const WireType = { VARINT: 0, FIXED64: 1, BYTES: 2, FIXED32: 5 } as const;

const firstBytes = 256;
