/**
 * Frames over a raw connection, for tests that list them: what is written goes out as it is, what
 * comes is read as lines of text. Nothing is answered by itself; `h2-peer.ts` has manners.
 */

import { showFields } from './h2-block.ts';
import { contentOf, type Frame, FrameSplitter, showFrame } from './h2-frames.ts';
import { ReferenceDecoder, type ReferenceField } from './reference-hpack.ts';
import type { Wire } from './wire.ts';

export class FrameWire {
  readonly wire: Wire;
  /** Hears of every frame in place of `next` and `read`; `fields` with the end of a block. */
  onFrame: ((frame: Frame, fields: readonly ReferenceField[] | null) => void) | null = null;
  readonly #splitter = new FrameSplitter();
  readonly #decoder = new ReferenceDecoder(4096);
  readonly #counts: number[] = [];
  #unread: Arrived[] = [];
  #shown = 0;
  #block: Buffer[] = [];
  #prefaceLeft: number;

  /** `prefaceBytes` come before the first frame and are dropped. */
  constructor(wire: Wire, prefaceBytes = 0) {
    this.wire = wire;
    this.#prefaceLeft = prefaceBytes;
    wire.socket.on('data', () => this.#take());
    this.#take();
  }

  /** What our SETTINGS allow the table of the other side's encoder. */
  set tableBytesMax(bytes: number) {
    this.#decoder.setTableMax(bytes);
  }

  /** Frames that have come and were not read. */
  get unread(): string[] {
    return this.#unread.map((arrived) => this.#show(arrived));
  }

  /** The other side sends nothing more. */
  get isOver(): boolean {
    return this.wire.ended || this.wire.closed;
  }

  /** How many of this type have come, read or not. */
  count(type: number): number {
    return this.#counts[type] ?? 0;
  }

  write(...frames: readonly Buffer[]): void {
    this.wire.socket.write(frames.length === 1 ? frames[0] : Buffer.concat(frames));
  }

  /** The next frame, whatever it is. */
  async next(): Promise<string> {
    await this.wire.until('a frame', () => this.#unread.length > 0 || this.isOver);
    return this.#out(0);
  }

  /** The first frame whose line begins so; what came before it stays unread. */
  async read(start: string): Promise<string> {
    let at = -1;
    let from = 0;
    const find = (): boolean => {
      at = this.#unread.findIndex((one, index) => {
        return index >= from && this.#show(one).startsWith(start);
      });
      from = at === -1 ? this.#unread.length : from;
      return at !== -1 || this.isOver;
    };
    await this.wire.until(`a frame ${start}`, find);
    if (at === -1) throw new Error(`ended before ${start}: ${this.unread.join('; ')}`);
    return this.#out(at);
  }

  /** All frames up to the end of the connection. */
  async readAll(): Promise<string[]> {
    await this.wire.until('the end', () => this.isOver);
    return this.unread;
  }

  /**
   * The GOAWAY that ends the connection; fields of what came before it are not decoded, so that
   * nothing else can be read afterwards.
   */
  async readGoaway(): Promise<string> {
    const isThere = (): boolean => this.count(goawayType) > 0 || this.isOver;
    await this.wire.until('GOAWAY', isThere);
    const last = this.#unread.findLast(({ frame }) => frame.type === goawayType);
    if (last === undefined) throw new Error('ended without GOAWAY');
    return showFrame(last.frame, null);
  }

  destroy(): void {
    this.wire.destroy();
  }

  #take(): void {
    const bytes = Buffer.from(this.wire.received, 'latin1');
    this.wire.received = '';
    const skipped = Math.min(this.#prefaceLeft, bytes.length);
    this.#prefaceLeft -= skipped;
    for (const frame of this.#splitter.push(bytes.subarray(skipped))) {
      this.#counts[frame.type] = this.count(frame.type) + 1;
      if (this.onFrame === null) this.#unread.push({ frame, text: null });
      else this.onFrame(frame, this.#decode(frame));
    }
  }

  #out(at: number): string {
    const arrived = this.#unread[at];
    if (arrived === undefined) throw new Error('the connection ended without a frame');
    const text = this.#show(arrived);
    this.#unread.splice(at, 1);
    this.#shown -= 1;
    return text;
  }

  /** Field blocks are decoded in the order in which they came, and only if somebody looks. */
  #show(arrived: Arrived): string {
    while (arrived.text === null) {
      const next = this.#unread[this.#shown];
      const fields = this.#decode(next.frame);
      next.text = showFrame(next.frame, fields === null ? null : showFields(fields));
      this.#shown += 1;
    }
    return arrived.text;
  }

  #decode(frame: Frame): readonly ReferenceField[] | null {
    if (frame.type !== 1 && frame.type !== 9) return null;
    this.#block.push(contentOf(frame));
    if ((frame.flags & 0x4) === 0) return null;
    const whole = Buffer.concat(this.#block);
    this.#block = [];
    const { fields, violation } = this.#decoder.decode(whole);
    if (violation !== 0) throw new Error(`a field block is no HPACK: ${whole.toString('hex')}`);
    return fields;
  }
}

interface Arrived {
  readonly frame: Frame;
  text: string | null;
}

const goawayType = 7;
