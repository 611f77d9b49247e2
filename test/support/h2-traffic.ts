/**
 * Random frames of one side of an HTTP/2 connection for fuzzers: most of them may come, in some
 * order; some never may; and what is sent in return is checked to be HTTP/2 that the side allows.
 */

import assert from 'node:assert/strict';
import type { Random } from '../../core/base/random.ts';
import {
  block,
  type Fields,
  huffmanBlock,
  indexed,
  indexing,
  neverIndexed,
  request,
  response,
  tableSize,
} from './h2-block.ts';
import { contentOf, type Frame, FrameSplitter, frame } from './h2-frames.ts';
import { ReferenceDecoder } from './reference-hpack.ts';

/** All but SETTINGS and WINDOW_UPDATE: what is allowed is always known. */
const types = [0, 1, 2, 3, 5, 6, 7, 9, 10, 11];

/** What one side sends, and what it allows the other one. */
export class Traffic {
  readonly #random: Random;
  readonly #isClient: boolean;
  readonly #splitter = new FrameSplitter();
  readonly #decoder = new ReferenceDecoder(4_096);
  /** Of the other side, by its streams: content that it may still send. */
  readonly #windows = new Map<number, number>();
  readonly #ended = new Set<number>();
  #window = 65_535;
  #initialWindow = 65_535;
  /** What the initial window becomes with each acknowledgement of SETTINGS. */
  readonly #settings = [65_535];
  #block: Buffer[] = [];
  #blockOf = 0;
  #left = false;
  #nextStream = 1;
  /** Streams that the other side has opened, and those of them that have a response head. */
  #opened = 0;
  readonly #headed = new Set<number>();
  /** Bytes were changed on their way: what they allow is not known. */
  mangled = false;

  constructor(random: Random, isClient: boolean) {
    this.#random = random;
    this.#isClient = isClient;
  }

  /** Some frames, as bytes. */
  draw(): Buffer {
    const frames = Array.from({ length: 1 + this.#below(4) }, () => this.#drawFrame());
    const bytes = Buffer.concat(frames.flat());
    if (this.#below(400) > 0) return bytes;
    this.mangled = true;
    return this.#mangle(bytes);
  }

  /** What the other side has sent: whole frames, HPACK, within windows, nothing behind an end. */
  check(bytes: Buffer): void {
    for (const one of this.#splitter.push(bytes)) this.#checkFrame(one);
  }

  #checkFrame(one: Frame): void {
    const { type, flags, streamId, payload } = one;
    assert.ok(payload.length <= 16_384, 'a frame within the least of all limits');
    assert.ok(!this.#left, 'nothing behind the GOAWAY of an error');
    if (this.#blockOf !== 0) {
      assert.ok(type === 9 && streamId === this.#blockOf, 'nothing inside of a block');
    }
    if (type === 7) {
      this.#left = payload.readUInt32BE(4) !== 0;
    } else if (type === 0 || type === 1 || type === 9) {
      this.#opened = Math.max(this.#opened, streamId);
      assert.ok(!this.#ended.has(streamId), `stream ${streamId} has ended`);
      if (type === 0) this.#checkWindow(streamId, payload.length);
      else this.#checkBlock(one);
      if (type !== 9 && (flags & 0x1) !== 0) this.#ended.add(streamId);
    } else if (type === 4 && (flags & 0x1) !== 0) {
      this.#initialWindow = this.#settings.shift() ?? this.#initialWindow;
    } else if (type === 3) {
      this.#ended.add(streamId);
    }
  }

  #checkBlock(one: Frame): void {
    this.#block.push(contentOf(one));
    this.#blockOf = (one.flags & 0x4) !== 0 ? 0 : one.streamId;
    if (this.#blockOf !== 0) return;
    const { violation } = this.#decoder.decode(Buffer.concat(this.#block));
    assert.equal(violation, 0, 'a block is HPACK');
    this.#block = [];
  }

  #checkWindow(streamId: number, size: number): void {
    if (this.mangled) return;
    this.#window -= size;
    const left = (this.#windows.get(streamId) ?? 0) - size;
    this.#windows.set(streamId, left);
    if (size === 0) return;
    assert.ok(this.#window >= 0, 'content within the window of the connection');
    assert.ok(this.#initialWindow + left >= 0, `content within the window of stream ${streamId}`);
  }

  #drawFrame(): Buffer[] {
    const none = this.#isClient ? this.#nextStream === 1 : this.#opened === 0;
    if (none && this.#below(100) > 0) return this.#isClient ? this.#drawHead() : [frame.ping()];
    switch (this.#below(24)) {
      case 0:
        return [frame.ping('12345678', this.#below(4) === 0)];
      case 1:
        return [this.#drawSettings()];
      case 2:
        return [frame.rstStream(this.#drawId(), this.#below(16))];
      case 3:
        return [frame.priority(this.#drawId(), this.#below(20) === 0 ? this.#drawId() : 0)];
      case 4:
      case 5:
      case 6:
        return [this.#drawCredit()];
      case 7:
        return [this.#below(40) === 0 ? this.#drawWrong() : frame.settingsAck()];
      case 8:
        return this.#drawBlock(this.#drawId(), this.#drawFields(), this.#below(30) > 0);
      case 9:
      case 10:
      case 11:
      case 12:
      case 13:
      case 14:
        return [this.#drawData()];
      default:
        return this.#drawHead();
    }
  }

  /** A request on a new stream, or a response on one of the other side's. */
  #drawHead(): Buffer[] {
    const ends = this.#below(2) === 0;
    if (!this.#isClient) {
      const answered = this.#drawId();
      if (this.#headed.has(answered) && this.#below(60) > 0) return [this.#drawData()];
      const informational = this.#below(6) === 0;
      if (!informational) this.#headed.add(answered);
      const status = informational ? 103 : 200 + this.#below(400);
      const last = ends && (!informational || this.#below(40) === 0);
      return this.#drawBlock(answered, response(status, this.#drawFields()), last);
    }
    const id = this.#nextStream;
    this.#nextStream += this.#below(20) === 0 ? 6 : 2;
    const isOdd = this.#below(30) === 0;
    const method = this.#pick(isOdd ? ['CONNECT', 'OPTIONS', ''] : ['GET', 'POST', 'HEAD', 'BREW']);
    const fields = request(method, this.#pick(isOdd ? ['*', 'bad', ''] : ['/', '/a?b']));
    return this.#drawBlock(id, [...fields, ...this.#drawFields()], ends);
  }

  #drawFields(): Fields {
    const all: Fields = [
      ['x', 'y'],
      ['cookie', 'a=1'],
      ['cookie', 'b=2'],
      ['te', 'trailers'],
      ['host', 'web'],
      ['grpc-status', '0'],
      ['content-type', 'application/grpc'],
    ];
    const odd: Fields = [
      ['content-length', '3'],
      ['x-long', 'v'.repeat(3_000)],
      ['Upper', 'x'],
      ['connection', 'close'],
    ];
    const fields = all.filter(() => this.#below(9) === 0);
    return this.#below(12) > 0 ? fields : [...fields, this.#pick(odd)];
  }

  #drawBlock(id: number, fields: Fields, ends: boolean): Buffer[] {
    const whole = this.#writeBlock(fields);
    const options = {
      ends,
      ...(this.#below(8) === 0 ? { padding: this.#below(20) } : {}),
      ...(this.#below(8) === 0 ? { dependsOn: this.#below(20) === 0 ? id : 0 } : {}),
    };
    if (this.#below(4) > 0) return [frame.headers(id, whole, options)];
    const cut = this.#below(whole.length + 1);
    const frames = [frame.headers(id, whole.subarray(0, cut), { ...options, partial: true })];
    if (this.#below(300) === 0) frames.push(this.#drawData());
    frames.push(frame.continuation(id, whole.subarray(cut)));
    return frames;
  }

  #writeBlock(fields: Fields): Buffer {
    switch (this.#below(6)) {
      case 0:
        return huffmanBlock(fields);
      case 1:
        return Buffer.concat(fields.map(([name, value]) => indexing(name, value)));
      case 2:
        return Buffer.concat([
          tableSize(this.#below(4_096)),
          ...fields.map(([name, value]) => neverIndexed(name, value)),
        ]);
      case 3:
        if (this.#below(60) > 0) return block(fields);
        return Buffer.concat([block(fields), indexed(this.#below(80))]);
      default:
        return block(fields);
    }
  }

  #drawData(): Buffer {
    const size = this.#pick([0, 1, 3, 100, 5_000, 16_384]);
    const padding = this.#below(8) === 0 ? { padding: this.#below(200) } : {};
    const content = Buffer.alloc(Math.min(size, 16_000), 'd');
    const id = this.#drawId();
    if (!this.#isClient && !this.#headed.has(id) && this.#below(60) > 0) return frame.ping();
    return frame.data(id, content, { ends: this.#below(6) === 0, ...padding });
  }

  #drawSettings(): Buffer {
    const last = this.#settings.at(-1) ?? this.#initialWindow;
    const size = this.#below(5) > 0 ? last : this.#pick([0, 1, 100, 65_535, 1_000_000]);
    this.#settings.push(size);
    if (size !== last) return frame.settings({ 4: size });
    switch (this.#below(4)) {
      case 0:
        return frame.settings({ 4: size, 5: 100_000 });
      case 1:
        return frame.settings({ 1: this.#pick([0, 50, 4_096, 100_000]) });
      case 2:
        return frame.settings({ 3: this.#pick([0, 1, 100]), 5: 16_384 + this.#below(1_000) });
      case 3:
        return this.#below(10) === 0 ? frame.settings({ 2: 2 }) : frame.settings({ 99: 1 });
      default:
        return frame.settings();
    }
  }

  #drawCredit(): Buffer {
    const increment = this.#below(300) === 0 ? 0 : 1 + this.#below(40_000);
    const id = this.#below(2) === 0 ? 0 : this.#drawId();
    if (id === 0) this.#window += increment;
    else this.#windows.set(id, (this.#windows.get(id) ?? 0) + increment);
    return frame.windowUpdate(id, increment);
  }

  /** What nobody may send. */
  #drawWrong(): Buffer {
    const wrong = [
      frame.pushPromise(1, 2, block(request('GET', '/'))),
      frame.goaway(this.#drawId(), this.#below(3)),
      frame.raw(this.#pick(types), this.#below(256), this.#drawId(), 'd'.repeat(this.#below(12))),
      frame.raw(0x77, 0, 0, 'unknown'),
      frame.continuation(this.#drawId(), block([['x', 'y']])),
    ];
    if (this.#below(wrong.length + 1) > 0) return this.#pick(wrong);
    // It is in order while the window is at 0.
    this.#window += 2 ** 31 - 1;
    return frame.windowUpdate(0, 2 ** 31 - 1);
  }

  /** One of a stream that is there, was there, or never was. */
  #drawId(): number {
    const last = this.#isClient ? this.#nextStream - 2 : this.#opened;
    if (last < 1 || this.#below(600) === 0) return this.#below(20);
    const back = Math.min(this.#below(20) === 0 ? this.#below(200) : this.#below(5), last >> 1);
    return last - 2 * back;
  }

  #mangle(bytes: Buffer): Buffer {
    if (bytes.length === 0) return bytes;
    const at = this.#below(bytes.length);
    if (this.#below(3) === 0) return bytes.subarray(0, at);
    const mangled = Buffer.from(bytes);
    mangled[at] = this.#below(256);
    return mangled;
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#below(values.length)];
  }

  #below(limit: number): number {
    return this.#random.uint32() % limit;
  }
}
