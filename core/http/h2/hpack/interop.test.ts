/**
 * Goal: another implementation reads what we write, and writes what we read, over the whole life
 * of a connection in which both sides change the size of their table. Method: nghttp2, which is
 * behind node:http2, at the other end of an in-memory connection; requests by our encoder and
 * responses by its own, with fields that partly come again.
 */

import assert from 'node:assert/strict';
import { on, once } from 'node:events';
import {
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  sensitiveHeaders,
} from 'node:http2';
import { type Duplex, duplexPair } from 'node:stream';
import { test } from 'node:test';
import { type Random, seededRandom } from '../../../base/random.ts';
import { Flag, FrameHead, FrameType, frameHeadBytes } from '../frame/head.ts';
import { encodeHeaders } from '../frame/headers.ts';
import { encodeSettings, encodeSettingsAck, PeerSettings, Setting } from '../frame/settings.ts';
import { Decoded, HpackDecoder } from './decode.ts';
import { HpackEncoder } from './encode.ts';

interface Field {
  readonly name: string;
  readonly value: string;
  readonly sensitive: boolean;
}

test('nghttp2 and we understand each other', async () => {
  for (const seed of [1, 2, 3]) await converse(seededRandom(seed), 150);
});

async function converse(random: Random, exchanges: number): Promise<void> {
  const [ours, theirs] = duplexPair();
  const session = performServerHandshake(theirs);
  const client = new Client(ours);
  await client.greet();
  for (let exchange = 0; exchange < exchanges; exchange++) {
    if (random.uint32() % 8 === 0) await client.learnTableSize(session, drawSize(random));
    if (random.uint32() % 8 === 0) await client.announceTableSize(drawSize(random));
    const request = drawFields(random);
    const arrived = once(session, 'stream') as Promise<Arrival>;
    client.send(request, `/${random.uint32() % 4}`);
    const [stream, headers, , raw] = await arrived;
    const pairs = request.flatMap(({ name, value }) => [name, value]);
    assert.deepEqual(raw.slice(8), pairs);
    const secrets = request.filter(({ sensitive }) => sensitive).map(({ name }) => name);
    assert.deepEqual(headers[sensitiveHeaders]?.toSorted(), secrets.toSorted());
    const response = drawFields(random);
    stream.respond(responseOf(response), { endStream: true });
    assert.deepEqual(await client.receive(), response);
  }
  session.destroy();
  ours.destroy();
}

type Headers = IncomingHttpHeaders & { [sensitiveHeaders]?: string[] };
type Arrival = [stream: ServerHttp2Stream, headers: Headers, flags: number, raw: string[]];

/** Our end of the connection. */
class Client {
  readonly #duplex: Duplex;
  readonly #chunks: AsyncIterator<[Buffer]>;
  readonly #encoder = new HpackEncoder(8192);
  readonly #decoder = new HpackDecoder(4096);
  readonly #settings = new PeerSettings(true);
  readonly #head = new FrameHead();
  readonly #out = Buffer.alloc(65_536);
  #received: Buffer = Buffer.alloc(0);
  #streamId = -1;

  constructor(duplex: Duplex) {
    this.#duplex = duplex;
    this.#chunks = on(duplex, 'data') as AsyncIterator<[Buffer]>;
  }

  async greet(): Promise<void> {
    this.#duplex.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    this.#write(encodeSettings([[Setting.MAX_FRAME_SIZE, 65_536]], this.#out, 0));
    await this.#nextSettings();
    await this.#nextFrame(FrameType.SETTINGS);
  }

  async learnTableSize(session: ServerHttp2Session, size: number): Promise<void> {
    session.settings({ headerTableSize: size });
    await this.#nextSettings();
  }

  async announceTableSize(size: number): Promise<void> {
    this.#write(encodeSettings([[Setting.HEADER_TABLE_SIZE, size]], this.#out, 0));
    await this.#nextFrame(FrameType.SETTINGS);
    assert.equal(this.#head.flags, Flag.ACK);
    this.#decoder.setTableMax(size);
  }

  send(fields: readonly Field[], path: string): void {
    const encoder = this.#encoder;
    const out = this.#out;
    const bytes = Buffer.from(`GEThttpweb.local${path}`);
    let at = encoder.begin(out, frameHeadBytes);
    at = encoder.method(bytes, 0, 3, out, at);
    at = encoder.scheme(bytes, 3, 7, out, at);
    at = encoder.authority(bytes, 7, 16, out, at);
    at = encoder.path(bytes, 16, bytes.length, out, at);
    for (const { name, value, sensitive } of fields) {
      const line = Buffer.from(name + value);
      const nameEnd = name.length;
      at = encoder.field(line, 0, nameEnd, nameEnd, line.length, 0, sensitive, out, at);
    }
    this.#streamId += 2;
    this.#write(encodeHeaders(at, this.#streamId, true, this.#settings.frameBytesMax, out, 0));
  }

  /** The fields of the next response, without its status. */
  async receive(): Promise<Field[]> {
    const block = await this.#nextFrame(FrameType.HEADERS);
    assert.equal(this.#head.flags & Flag.END_HEADERS, Flag.END_HEADERS);
    const decoder = this.#decoder;
    const out = this.#out;
    decoder.begin(block, 0, block.length, out, 0, out.length);
    const fields: Field[] = [];
    let result = decoder.next();
    for (; result === Decoded.FIELD; result = decoder.next()) {
      const name = out.toString('latin1', decoder.nameStart, decoder.nameEnd);
      const value = out.toString('latin1', decoder.valueStart, decoder.valueEnd);
      fields.push({ name, value, sensitive: decoder.neverIndexed });
    }
    assert.equal(result, Decoded.END);
    assert.deepEqual(fields[0], { name: ':status', value: '200', sensitive: false });
    return fields.slice(1);
  }

  /** SETTINGS of the server, which are followed and acknowledged. */
  async #nextSettings(): Promise<void> {
    const payload = await this.#nextFrame(FrameType.SETTINGS);
    assert.equal(this.#settings.load(this.#head, payload, 0), 0);
    this.#encoder.setPeerMax(this.#settings.headerTableBytes);
    this.#write(encodeSettingsAck(this.#out, 0));
  }

  /** The payload of the next frame of a type; others are passed over. */
  async #nextFrame(type: number): Promise<Buffer> {
    for (;;) {
      const received = this.#received;
      const isHead = received.length >= frameHeadBytes;
      if (isHead) assert.equal(this.#head.read(received, 0, 65_536), 0);
      const end = frameHeadBytes + this.#head.length;
      if (!isHead || received.length < end) {
        const { value } = await this.#chunks.next();
        this.#received = Buffer.concat([received, value[0]]);
        continue;
      }
      this.#received = received.subarray(end);
      assert.notEqual(this.#head.type, FrameType.GOAWAY);
      assert.notEqual(this.#head.type, FrameType.RST_STREAM);
      if (this.#head.type === type) return received.subarray(frameHeadBytes, end);
    }
  }

  #write(end: number): void {
    this.#duplex.write(Buffer.from(this.#out.subarray(0, end)));
  }
}

function responseOf(fields: readonly Field[]): OutgoingHttpHeaders {
  const headers = Object.fromEntries(fields.map(({ name, value }) => [name, value]));
  const secrets = fields.filter(({ sensitive }) => sensitive).map(({ name }) => name);
  return Object.assign(headers, { [sensitiveHeaders]: secrets });
}

function drawSize(random: Random): number {
  return [0, 33, 64, 200, 1024, 4096, 8192][random.uint32() % 7];
}

/** Up to 20 fields, of different names; `date` is always there, so that Node adds none. */
function drawFields(random: Random): Field[] {
  const names = new Set(['date']);
  for (let left = random.uint32() % 20; left > 0; left--) {
    names.add(fieldNames[random.uint32() % fieldNames.length]);
  }
  return Array.from(names, (name) => ({
    name,
    value: drawValue(random),
    sensitive: random.uint32() % 10 === 0,
  }));
}

function drawValue(random: Random): string {
  const kind = random.uint32() % 10;
  if (kind < 6) return `value ${random.uint32() % 5}`;
  const length = kind === 9 ? random.uint32() % 1200 : random.uint32() % 40;
  const codes = Array.from({ length }, () => 0x21 + (random.uint32() % 94));
  return String.fromCharCode(...codes);
}

const fieldNames = (
  'accept accept-encoding cache-control etag server user-agent via x-a x-b x-c x-request-id a ' +
  'abcdefgh traceparent grpc-timeout te-st x_y x-long-name-that-takes-more-than-others x~ x^'
).split(' ');
