/**
 * HTTP/2 through the data plane: what a client asks for and an origin answers arrives at the other
 * side whole, whichever version either of them speaks.
 */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { block, get, post, request, response } from '../support/h2-block.ts';
import { code, frame } from '../support/h2-frames.ts';
import { dialH2, type H2Origin, type H2Peer, startH2Origin } from '../support/h2-peer.ts';
import { type Harness, startHarness } from '../support/proxy-harness.ts';

let origin: H2Origin;
let harness: Harness;
let client: H2Peer;
let server: H2Peer;

before(async () => {
  origin = await startH2Origin();
  harness = await startHarness({ 'host:web': { endpoints: [{ port: origin.port }] } });
  client = await dialH2(harness.outboundPort);
  const first = client.request(get());
  server = await origin.accept();
  server.respond(await server.nextRequest(), response(204));
  await client.ending(first);
});

after(async () => {
  await harness.close();
  await origin.close();
});

describe('HTTP/2 on both sides', () => {
  test('a request and its response, with their fields', async () => {
    const fields = [
      ['x-case', 'Kept'],
      ['te', 'trailers'],
      ['accept', '*/*'],
    ] as const;
    const asked = client.request(get('/a?b=%20', fields));
    const seen = await server.nextRequest();
    assert.equal(
      seen.head,
      ':method=GET :scheme=http :path=/a?b=%20 :authority=web x-case=Kept te=trailers accept=*/*',
    );
    assert.ok(seen.ended);
    server.respond(seen, response(201, [['server', 'x']]), 'made');
    const { heads, content } = await client.ending(asked);
    assert.deepEqual(heads, [':status=201 server=x']);
    assert.equal(content, 'made');
  });

  test('content and trailers pass both ways', async () => {
    const asked = client.open(post('/', [['content-type', 'application/grpc']]));
    client.send(asked, 'hel');
    const seen = await server.nextRequest();
    client.send(asked, 'lo', [['x-sum', '1']]);
    await server.ending(seen);
    assert.equal(seen.content, 'hello');
    assert.equal(seen.heads[1], 'x-sum=1');
    server.respond(seen, response(200), 'abc', [
      ['grpc-status', '0'],
      ['grpc-message', ''],
    ]);
    await client.ending(asked);
    assert.equal(asked.content, 'abc');
    assert.deepEqual(asked.heads, [':status=200', 'grpc-status=0 grpc-message=']);
  });

  test('a response of trailers alone', async () => {
    const asked = client.request(post(), 'x');
    const seen = await server.nextRequest();
    server.respond(seen, response(200, [['grpc-status', '12']]));
    await client.ending(asked);
    assert.deepEqual(asked.heads, [':status=200 grpc-status=12']);
    assert.equal(asked.content, '');
  });

  test('informational responses pass before the final one', async () => {
    const asked = client.open(post('/', [['expect', '100-continue']]));
    const seen = await server.nextRequest();
    for (const fields of [response(100), response(103, [['link', '</a.css>']])]) {
      server.frames.write(frame.headers(seen.id, block(fields)));
    }
    await client.until('103', () => asked.heads.length === 2);
    client.send(asked, 'hi', 'end');
    await server.ending(seen);
    server.respond(seen, response(200), 'ok');
    await client.ending(asked);
    assert.deepEqual(asked.heads, [':status=100', ':status=103 link=</a.css>', ':status=200']);
  });

  test('HEAD, 204 and 304 have no content, whatever their fields say', async () => {
    const length = [['content-length', '5']] as const;
    for (const [method, head, line] of [
      ['HEAD', response(200, length), ':status=200 content-length=5'],
      ['GET', response(204), ':status=204'],
      ['GET', response(304, length), ':status=304 content-length=5'],
    ] as const) {
      const asked = client.request(request(method, '/'));
      server.respond(await server.nextRequest(), head);
      await client.ending(asked);
      assert.deepEqual(asked.heads, [line]);
      assert.equal(asked.content, '');
    }
  });

  test('many streams at once share a connection to the endpoint', async () => {
    const asked = Array.from({ length: 50 }, (_, at) => client.request(post(`/${at}`), `b${at}`));
    const seen = await Promise.all(asked.map(() => server.nextRequest()));
    await Promise.all(seen.map((stream) => server.ending(stream)));
    for (const stream of seen.toReversed()) {
      server.respond(stream, response(200), `answer to ${stream.content}`);
    }
    await Promise.all(asked.map((stream) => client.ending(stream)));
    for (const [at, stream] of asked.entries()) assert.equal(stream.content, `answer to b${at}`);
    assert.equal(origin.peers.length, 1);
  });

  test('1000 streams in succession', async () => {
    for (let at = 0; at < 1_000; at++) {
      const asked = client.request(get(`/${at}`));
      const seen = await server.nextRequest();
      server.respond(seen, response(200), `${at}`);
      assert.equal((await client.ending(asked)).content, `${at}`);
    }
    assert.equal(origin.peers.length, 1);
    assert.deepEqual([client.goaways, server.goaways], [[], []]);
  });

  test('an early response ends the upload and nothing else', async () => {
    const asked = client.open(post());
    client.send(asked, 'part');
    const seen = await server.nextRequest();
    server.respond(seen, response(403), 'no');
    await client.ending(asked);
    assert.deepEqual(asked.heads, [':status=403']);
    assert.equal(asked.content, 'no');
    await client.until('the reset', () => asked.reset !== '');
    assert.equal(asked.reset, 'NO_ERROR');
    await server.until('the reset', () => seen.reset !== '');
    assert.equal(seen.reset, 'CANCEL');
    client.send(asked, 'late', 'end');
    await exchange();
  });

  test('thousands of early responses are nobody’s flood', async () => {
    for (let at = 0; at < 1_200; at += 50) {
      const asked = Array.from({ length: 50 }, () => {
        const stream = client.open(post());
        client.send(stream, 'part');
        return stream;
      });
      for (let count = 0; count < 50; count++) {
        const seen = await server.nextRequest();
        server.respond(seen, response(401));
        await server.until('the reset', () => seen.reset !== '');
        server.cancel(seen, code.NO_ERROR);
      }
      for (const stream of asked) {
        assert.equal(await client.headOf(stream), ':status=401');
        client.cancel(stream, code.CANCEL);
      }
    }
    await exchange();
    assert.deepEqual([client.goaways, server.goaways], [[], []]);
  });
});

/** A request of its own goes through on both connections. */
async function exchange(): Promise<void> {
  const asked = client.request(get());
  const seen = await server.nextRequest();
  server.respond(seen, response(200), 'ok');
  assert.equal((await client.ending(asked)).content, 'ok');
}
