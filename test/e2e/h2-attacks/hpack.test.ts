/**
 * Classes 21 and 22: small field blocks that stand for large heads, and blocks that are no HPACK.
 * What a head takes is counted decoded, on both sides, whatever becomes of its fields; a block
 * that cannot be decoded ends its connection and nothing else.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seededRandom } from '../../../core/base/random.ts';
import {
  block,
  type Fields,
  get,
  huffmanBlock,
  indexed,
  indexing,
  neverIndexed,
  post,
  response,
  tableSize,
} from '../../support/h2-block.ts';
import { frame, setting } from '../../support/h2-frames.ts';
import { dialH2, type PeerStream } from '../../support/h2-peer.ts';
import { startThrough } from '../../support/h2-through.ts';
import { pour, startSiege } from '../../support/siege.ts';
import { untilTurn } from '../../support/turns.ts';

const attack = get('/attack');
/** 4 KB in the table, and references to it of a byte each: 128 MB. */
const references = Buffer.alloc(32_768, indexed(62));

describe('a bomb of 32768 references', () => {
  const cases = [
    ['cookie', 'HEADERS 3: :status=431 heddle-error=TOO_MANY_FIELDS'],
    ['x', 'HEADERS 3: :status=431 heddle-error=HEAD_TOO_LARGE'],
    ['host', 'RST_STREAM 3 PROTOCOL_ERROR'],
  ] as const;
  for (const [name, answer] of cases) {
    test(`to ${name}, on 100 streams without a window`, async () => {
      await using siege = await startSiege();
      const wire = await siege.connect({ [setting.INITIAL_WINDOW_SIZE]: 0 });
      const value = name === 'host' ? 'web' : 'v'.repeat(name === 'x' ? 4_000 : 100);
      const first = Buffer.concat([block(attack), indexing(name, value)]);
      wire.write(frame.headers(1, first, { ends: true }));
      const bomb = inParts(Buffer.concat([block(attack), references]));
      const grown = await siege.endure(async () => {
        await pour(wire, 100, (at) => bomb(2 * at + 3));
        assert.ok((await wire.read(answer)).startsWith(answer));
      });
      assert.ok(grown < 8_000_000, `${grown} bytes`);
      assert.equal(siege.seen.total, 1);
      // The table is in step although no block was read to its end.
      wire.write(
        frame.headers(203, Buffer.concat([block(get('/late')), indexed(62)]), { ends: true }),
      );
      await untilTurn('the request', () => siege.seen.total === 2);
    });
  }

  test('in 100 responses', async () => {
    const first = Buffer.concat([block(response(103)), indexing('x', 'v'.repeat(4_000))]);
    const bomb = inParts(Buffer.concat([block(response(200)), references]));
    await using siege = await startSiege({
      serve: (peer, { id }) => {
        if (siege.seen.total === 1) peer.frames.write(frame.headers(id, first));
        peer.frames.write(...bomb(id));
      },
    });
    const asked: PeerStream[] = [];
    // A client's connection ends after such an answer.
    const grown = await siege.endure(async () => {
      for (let at = 0; at < 100; at++) {
        const client = await dialH2(siege.harness.outboundPort);
        asked.push(await client.ending(client.request(attack)));
        client.destroy();
      }
    });
    for (const { head } of asked) {
      assert.match(head ?? '', /^:status=502 heddle-error=UPSTREAM_HEAD_TOO_LARGE /);
    }
    assert.equal(siege.seen.total, 100);
    assert.ok(grown < 16_000_000, `${grown} bytes`);
  });

  test('in a response', async () => {
    await using through = await startThrough();
    const { client, server } = through;
    const asked = client.request(get());
    const other = client.request(get('/other'));
    const [seen, seenOther] = [await server.nextRequest(), await server.nextRequest()];
    const first = Buffer.concat([block(response(103)), indexing('x', 'v'.repeat(4_000))]);
    server.frames.write(frame.headers(seen.id, first));
    server.frames.write(...inParts(Buffer.concat([block(response(200)), references]))(seen.id));
    await client.ending(asked);
    assert.match(asked.head ?? '', /^:status=502 heddle-error=UPSTREAM_HEAD_TOO_LARGE /);
    server.respond(seenOther, response(200), 'ok');
    assert.equal((await client.ending(other)).content, 'ok');
  });

  test('in trailers, of either side', async () => {
    await using through = await startThrough();
    const { client, server } = through;
    const large = Buffer.concat([
      indexing('x', 'v'.repeat(4_000)),
      Buffer.alloc(1_000, indexed(62)),
    ]);
    const asked = client.open(post());
    const seen = await server.nextRequest();
    client.frames.write(frame.headers(asked.id, large, { ends: true }));
    await client.until('the reset', () => asked.reset !== '');
    await server.until('the reset', () => seen.reset !== '');
    assert.deepEqual([asked.reset, seen.reset], ['PROTOCOL_ERROR', 'CANCEL']);

    const again = client.request(get());
    const answering = await server.nextRequest();
    server.frames.write(frame.headers(answering.id, block(response(200))));
    server.frames.write(frame.headers(answering.id, large, { ends: true }));
    await client.ending(again);
    assert.deepEqual([again.head, again.reset], [':status=200', 'INTERNAL_ERROR']);
    await server.until('the reset', () => answering.reset !== '');
    assert.equal(answering.reset, 'PROTOCOL_ERROR');
  });
});

test('empty fields, more fields than allowed, and the largest of fields', async () => {
  await using siege = await startSiege({
    serve: (peer, stream) => peer.respond(stream, response(204)),
  });
  const wire = await siege.connect();
  const many = (count: number, field: Fields[number]): Fields => Array(count).fill(field);
  const cases: readonly (readonly [Fields, string])[] = [
    [many(1, ['', '']), 'RST_STREAM 1 PROTOCOL_ERROR'],
    [many(1_000, ['', '']), 'RST_STREAM 3 PROTOCOL_ERROR'],
    [many(1_000, ['x', '']), 'HEADERS 5: :status=431 heddle-error=TOO_MANY_FIELDS'],
    [many(100, ['x', '']), 'HEADERS 7 END_STREAM: :status=204'],
    [many(101, ['x', '']), 'HEADERS 9: :status=431 heddle-error=TOO_MANY_FIELDS'],
    [[['x', 'v'.repeat(64_000)]], 'HEADERS 11 END_STREAM: :status=204'],
    [[['x', 'v'.repeat(65_400)]], 'HEADERS 13: :status=431 heddle-error=HEAD_TOO_LARGE'],
  ];
  for (const [index, [fields, answer]] of cases.entries()) {
    wire.write(...inParts(block([...attack, ...fields]))(2 * index + 1));
    assert.ok((await wire.read(answer)).startsWith(answer));
  }
});

describe('a block that is no HPACK', () => {
  const whole = block(attack);
  const blocks: Readonly<Record<string, Buffer | string>> = {
    'index 0': '80',
    'an index behind the tables': 'be',
    'an index above 2^32': 'ffffffffff7f',
    'a name index behind the tables': '7f8001',
    'an integer that does not end': 'ff80808080808080808080',
    'a cut integer': 'ff',
    'a cut name': '40056162',
    'a literal without a value': '400161',
    'a value longer than the block': '4001617f9a0a61',
    'EOS in a Huffman code': '00016184ffffffff',
    'padding with a 0': '00016181fe',
    'padding longer than 7 bits': '000161821fff',
    'a table above our SETTINGS': tableSize(4_097),
    'a table size behind a field': Buffer.concat([whole, tableSize(0)]),
    'three table sizes': Buffer.concat([tableSize(0), tableSize(1), tableSize(2), whole]),
    'a good head and a bad index': Buffer.concat([whole, indexed(62)]),
    'a malformed head and a bad index': Buffer.concat([block([[':path', '']]), indexed(70)]),
    'a head too large and a bad index': Buffer.concat([
      indexing('x', 'v'.repeat(4_000)),
      Buffer.alloc(100, indexed(62)),
      indexed(0),
    ]),
  };
  for (const [name, bytes] of Object.entries(blocks)) {
    test(`${name}: from a client, and from an endpoint`, async () => {
      const bad = typeof bytes === 'string' ? Buffer.from(bytes, 'hex') : bytes;
      await using through = await startThrough();
      const { client, server, origin, harness } = through;
      const other = await dialH2(harness.outboundPort);
      client.frames.write(frame.headers(3, bad, { ends: true }));
      await client.until('the end', () => client.isOver);
      assert.deepEqual(client.goaways, ['1 COMPRESSION_ERROR']);

      const asked = other.request(post());
      const seen = await server.nextRequest();
      assert.equal(server.requestCount, 2, 'nothing of the first has come');
      server.frames.write(frame.headers(seen.id, bad, { ends: true }));
      await server.until('the end', () => server.isOver);
      assert.deepEqual(server.goaways, ['0 COMPRESSION_ERROR']);
      await other.ending(asked);
      assert.match(asked.heads[0], /^:status=502 heddle-error=UPSTREAM_RESET .*COMPRESSION_ERROR/);

      const again = await dialH2(harness.outboundPort);
      const last = again.request(get());
      const fresh = await origin.accept();
      fresh.respond(await fresh.nextRequest(), response(200), 'ok');
      assert.equal((await again.ending(last)).content, 'ok');
      other.destroy();
      again.destroy();
    });
  }

  test('400 connections of random blocks', async () => {
    const random = seededRandom(22);
    await using siege = await startSiege();
    const ends: string[] = [];
    const attempt = async (): Promise<void> => {
      const wire = await siege.connect();
      for (let id = 1; id < 40 && wire.count(7) === 0; id += 2) {
        const bytes = Buffer.from(
          Array.from({ length: 1 + (random.uint32() % 60) }, () => random.uint32()),
        );
        const bad = random.uint32() % 3 === 0 ? Buffer.concat([whole, bytes]) : bytes;
        wire.write(frame.headers(id, bad, { ends: true }));
      }
      wire.write(frame.headers(41, indexed(70), { ends: true }));
      ends.push(await wire.readGoaway());
      wire.destroy();
    };
    const grown = await siege.endure(async () => {
      for (let batch = 0; batch < 20; batch++)
        await Promise.all(Array.from({ length: 20 }, attempt));
    });
    assert.equal(ends.length, 400);
    for (const end of ends) assert.match(end, /^GOAWAY \d+ COMPRESSION_ERROR: /);
    assert.ok(grown < 16_000_000, `${grown} bytes`);
  });
});

test('every way to write a field is read the same', async () => {
  await using siege = await startSiege({
    serve: (peer, stream) => peer.respond(stream, response(204)),
  });
  const wire = await siege.connect();
  const ways = [
    block(attack),
    huffmanBlock(attack),
    Buffer.concat(attack.map(([name, value]) => indexing(name, value))),
    Buffer.concat([tableSize(0), tableSize(4_096), ...attack.map(([n, v]) => neverIndexed(n, v))]),
  ];
  for (const [index, bytes] of ways.entries()) {
    const id = 2 * index + 1;
    wire.write(frame.headers(id, bytes, { ends: true, padding: index * 80, dependsOn: 0 }));
    await wire.read(`HEADERS ${id} END_STREAM: :status=204`);
  }
});

/** HEADERS and CONTINUATION for this block. */
function inParts(whole: Buffer): (id: number) => Buffer[] {
  return (id) => {
    const frames: Buffer[] = [];
    for (let at = 0; at < whole.length; at += 16_384) {
      const part = whole.subarray(at, at + 16_384);
      const partial = at + 16_384 < whole.length;
      if (at === 0) frames.push(frame.headers(id, part, { ends: true, partial }));
      else frames.push(frame.continuation(id, part, { partial }));
    }
    return frames;
  };
}
