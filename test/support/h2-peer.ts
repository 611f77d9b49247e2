/**
 * One end of an HTTP/2 connection that keeps the rules, unless a test takes its manners away: it
 * answers SETTINGS and PING, sends content as far as it may, gives credit back, and keeps what
 * comes by streams. A client dials the proxy; an origin is what the proxy dials.
 */

import { FrameWire } from './frame-wire.ts';
import { block, type Fields, showFields } from './h2-block.ts';
import { clientPreface, codeName, contentOf, type Frame, frame, setting } from './h2-frames.ts';
import type { ReferenceField } from './reference-hpack.ts';
import { dial, startOrigin, type Wire } from './wire.ts';

export interface Manners {
  /** What it announces of itself. */
  readonly settings?: Readonly<Record<number, number>>;
  /** Gives credit for content back as it comes. */
  readonly credit?: boolean;
  readonly answersPing?: boolean;
}

/** What has come of a stream, and what still waits to be sent on it. */
export class PeerStream {
  readonly id: number;
  /** Each field block as a line. */
  readonly heads: string[] = [];
  content = '';
  ended = false;
  /** The name of the code that the other side reset it with; '' as long as it has not. */
  reset = '';
  /** Of content, so far. */
  sentBytes = 0;
  sendWindow: number;
  waiting: Buffer = nothing;
  waitingEnd: 'none' | 'end' | Fields = 'none';

  constructor(id: number, sendWindow: number) {
    this.id = id;
    this.sendWindow = sendWindow;
  }

  /** The head that is no informational one; trailers stand behind it. */
  get head(): string | undefined {
    return this.heads.find((head) => !head.startsWith(':status=1'));
  }
}

export class H2Peer {
  readonly frames: FrameWire;
  readonly streams = new Map<number, PeerStream>();
  /** Requests whose heads have come. */
  requestCount = 0;
  /** Lines. */
  readonly goaways: string[] = [];
  /** WINDOW_UPDATE frames that give nothing, which nobody may send. */
  zeroCredits = 0;
  credit: boolean;
  answersPing: boolean;
  readonly #isClient: boolean;
  #nextStream = 1;
  readonly #requests: PeerStream[] = [];
  #window = 65_535;
  #initialWindow = 65_535;
  #settled = false;
  #acknowledged = false;

  constructor(wire: Wire, isClient: boolean, manners: Manners = {}) {
    const { settings = {}, credit = true, answersPing = true } = manners;
    this.#isClient = isClient;
    this.credit = credit;
    this.answersPing = answersPing;
    this.frames = new FrameWire(wire, isClient ? 0 : clientPreface.length);
    this.frames.onFrame = (one, fields) => this.#onFrame(one, fields);
    if (isClient) this.frames.write(clientPreface);
    this.frames.write(frame.settings(settings));
  }

  /** Both sides' SETTINGS have come and been acknowledged. */
  get isSettled(): boolean {
    return this.#settled && this.#acknowledged;
  }

  get isOver(): boolean {
    return this.frames.isOver;
  }

  until(what: string, done: () => boolean): Promise<void> {
    return this.frames.wire.until(what, done);
  }

  /** Begins a request; without `body` the head ends the stream. */
  request(fields: Fields, body?: Buffer | string): PeerStream {
    const stream = this.open(fields, body === undefined);
    if (body !== undefined) this.send(stream, body, 'end');
    return stream;
  }

  /** A request whose content follows by `send`, if it does not end here. */
  open(fields: Fields, ends = false): PeerStream {
    const stream = new PeerStream(this.#nextStream, this.#initialWindow);
    this.#nextStream += 2;
    this.streams.set(stream.id, stream);
    this.#writeHead(stream, fields, ends);
    return stream;
  }

  /** Answers; without `body` the head ends the stream. */
  respond(stream: PeerStream, fields: Fields, body?: Buffer | string, trailers?: Fields): void {
    this.#writeHead(stream, fields, body === undefined);
    if (body !== undefined) this.send(stream, body, trailers ?? 'end');
  }

  /** Content, as the windows allow, and what is to follow it. */
  send(stream: PeerStream, content: Buffer | string, end: PeerStream['waitingEnd'] = 'none'): void {
    const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
    stream.waiting = stream.waiting.length === 0 ? bytes : Buffer.concat([stream.waiting, bytes]);
    stream.waitingEnd = end;
    this.#pump(stream);
  }

  /** Resets the stream with this code. */
  cancel(stream: PeerStream, code: number): void {
    stream.waiting = nothing;
    stream.waitingEnd = 'none';
    this.frames.write(frame.rstStream(stream.id, code));
  }

  /** The next request whose head has come. */
  async nextRequest(): Promise<PeerStream> {
    // Others may wait for it too.
    for (;;) {
      await this.until('a request', () => this.#requests.length > 0 || this.isOver);
      const stream = this.takeRequest();
      if (stream !== undefined) return stream;
      if (this.isOver) throw new Error('the connection ended before a request');
    }
  }

  /** The same, if it is there. */
  takeRequest(): PeerStream | undefined {
    return this.#requests.shift();
  }

  /** Keeps nothing of a stream whose end the test has seen. */
  forget(stream: PeerStream): void {
    this.streams.delete(stream.id);
  }

  async headOf(stream: PeerStream): Promise<string> {
    await this.until(`the head of ${stream.id}`, () => {
      return stream.head !== undefined || stream.reset !== '' || this.isOver;
    });
    return stream.head ?? `reset: ${stream.reset}`;
  }

  /** The stream as it has ended, one way or the other. */
  async ending(stream: PeerStream): Promise<PeerStream> {
    await this.until(`the end of ${stream.id}`, () => {
      return stream.ended || stream.reset !== '' || this.isOver;
    });
    return stream;
  }

  destroy(): void {
    this.frames.destroy();
  }

  #onFrame(one: Frame, fields: readonly ReferenceField[] | null): void {
    const isAck = (one.flags & 0x1) !== 0;
    if (one.type === 4 && isAck) this.#acknowledged = true;
    else if (one.type === 4) this.#onSettings(one.payload);
    else if (one.type === 6 && !isAck && this.answersPing) {
      this.frames.write(frame.ping(one.payload.toString('latin1'), true));
    } else if (one.type === 7) {
      const [last, code] = [one.payload.readUInt32BE(0), one.payload.readUInt32BE(4)];
      this.goaways.push(`${last} ${codeName(code)}`);
    } else if (one.type === 8) {
      this.#onCredit(one);
    } else if (one.type === 3) {
      this.#streamOf(one.streamId).reset = codeName(one.payload.readUInt32BE(0));
    } else if (one.type === 0 || one.type === 1 || one.type === 9) {
      this.#onContent(one, fields);
    }
  }

  #onContent(one: Frame, fields: readonly ReferenceField[] | null): void {
    const isNew = !this.streams.has(one.streamId);
    const stream = this.#streamOf(one.streamId);
    if (fields !== null) stream.heads.push(showFields(fields));
    if (isNew && !this.#isClient) {
      this.requestCount += 1;
      this.#requests.push(stream);
    }
    if (one.type === 0) {
      stream.content += contentOf(one).toString('latin1');
      if (this.credit && one.payload.length > 0) this.#giveCredit(one);
    }
    if (one.type !== 9 && (one.flags & 0x1) !== 0) stream.ended = true;
  }

  #giveCredit({ streamId, payload, flags }: Frame): void {
    this.frames.write(frame.windowUpdate(0, payload.length));
    if ((flags & 0x1) === 0) this.frames.write(frame.windowUpdate(streamId, payload.length));
  }

  #onSettings(payload: Buffer): void {
    for (let at = 0; at < payload.length; at += 6) {
      if (payload.readUInt16BE(at) !== setting.INITIAL_WINDOW_SIZE) continue;
      const size = payload.readUInt32BE(at + 2);
      for (const stream of this.streams.values()) stream.sendWindow += size - this.#initialWindow;
      this.#initialWindow = size;
    }
    this.#settled = true;
    this.frames.write(frame.settingsAck());
  }

  #onCredit({ streamId, payload }: Frame): void {
    const increment = payload.readUInt32BE(0);
    if (increment === 0) this.zeroCredits += 1;
    if (streamId === 0) this.#window += increment;
    else this.#streamOf(streamId).sendWindow += increment;
    for (const stream of this.streams.values()) this.#pump(stream);
  }

  #pump(stream: PeerStream): void {
    while (stream.waiting.length > 0) {
      const size = Math.min(stream.waiting.length, stream.sendWindow, this.#window, frameBytesMax);
      if (size <= 0) return;
      const part = stream.waiting.subarray(0, size);
      // An empty part would keep the memory of what it is a part of.
      stream.waiting = size < stream.waiting.length ? stream.waiting.subarray(size) : nothing;
      stream.sendWindow -= size;
      this.#window -= size;
      stream.sentBytes += size;
      const ends = stream.waiting.length === 0 && stream.waitingEnd === 'end';
      this.frames.write(frame.data(stream.id, part, { ends }));
      if (ends) stream.waitingEnd = 'none';
    }
    const { waitingEnd } = stream;
    stream.waitingEnd = 'none';
    if (waitingEnd === 'end') this.frames.write(frame.data(stream.id, '', { ends: true }));
    else if (waitingEnd !== 'none') {
      this.#writeHead(stream, waitingEnd, true);
    }
  }

  #writeHead({ id }: PeerStream, fields: Fields, ends: boolean): void {
    const whole = block(fields);
    const frames = [];
    for (let at = 0; at === 0 || at < whole.length; at += frameBytesMax) {
      const partial = at + frameBytesMax < whole.length;
      const part = whole.subarray(at, at + frameBytesMax);
      if (at === 0) frames.push(frame.headers(id, part, { ends, partial }));
      else frames.push(frame.continuation(id, part, { partial }));
    }
    this.frames.write(...frames);
  }

  #streamOf(id: number): PeerStream {
    let stream = this.streams.get(id);
    if (stream === undefined) {
      stream = new PeerStream(id, this.#initialWindow);
      this.streams.set(id, stream);
    }
    return stream;
  }
}

/** A client whose connection is settled. */
export async function dialH2(port: number, manners: Manners = {}): Promise<H2Peer> {
  const peer = new H2Peer(await dial(port), true, manners);
  await peer.until('SETTINGS', () => peer.isSettled);
  return peer;
}

export interface H2Origin {
  readonly port: number;
  readonly peers: H2Peer[];
  /** The next connection that was not returned before. */
  accept(): Promise<H2Peer>;
  /** Takes no further connection; those that are there go on. */
  refuse(): void;
  close(): Promise<void>;
}

/** An origin whose connections the test drives by hand, or `serve` answers each request. */
export async function startH2Origin(
  serve?: (peer: H2Peer, stream: PeerStream) => void,
  manners: Manners = {},
): Promise<H2Origin> {
  const peers: H2Peer[] = [];
  let taken = 0;
  const origin = await startOrigin((wire) => {
    const peer = new H2Peer(wire, false, manners);
    peers.push(peer);
    if (serve !== undefined) serveAll(peer, serve);
  });
  return {
    port: origin.port,
    peers,
    async accept() {
      await origin.until('a connection to the origin', () => taken < peers.length);
      taken += 1;
      return peers[taken - 1];
    },
    refuse: () => origin.refuse(),
    close: () => origin.close(),
  };
}

function serveAll(peer: H2Peer, serve: (peer: H2Peer, stream: PeerStream) => void): void {
  peer.frames.wire.socket.on('data', () => {
    for (let one = peer.takeRequest(); one !== undefined; one = peer.takeRequest())
      serve(peer, one);
  });
}

const nothing = Buffer.alloc(0);
/** Before SETTINGS say otherwise, and nobody here waits for that. */
const frameBytesMax = 16_384;
