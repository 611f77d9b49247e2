/**
 * Between HTTP/1.1 and HTTP/2, both ways: every framing of a body in one version becomes a framing
 * of the other with the same meaning, and what speaks of one hop does not reach the next.
 */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { block, get, post, request, response } from '../support/h2-block.ts';
import { code, frame } from '../support/h2-frames.ts';
import { dialH2, type H2Origin, type H2Peer, startH2Origin } from '../support/h2-peer.ts';
import { type Harness, startHarness } from '../support/proxy-harness.ts';
import { dial, type Origin, startOrigin } from '../support/wire.ts';

describe('HTTP/1.1 to an endpoint declared http2', () => {
  let harness: Harness;
  let origin: H2Origin;

  before(async () => {
    origin = await startH2Origin();
    const target = { endpoints: [{ port: origin.port }], protocol: 'http2' } as const;
    harness = await startHarness({ 'host:web': target });
  });

  after(async () => {
    await harness.close();
    await origin.close();
  });

  test('bodies with a length and in chunks, with trailers', async () => {
    const near = await dial(harness.outboundPort);
    near.write('POST /a HTTP/1.1\r\nHost: web\r\nX-Case: Kept\r\nContent-Length: 5\r\n\r\nhello');
    const far = await origin.accept();
    const first = await far.ending(await far.nextRequest());
    assert.equal(
      first.head,
      ':method=POST :scheme=http :path=/a :authority=web x-case=Kept content-length=5',
    );
    assert.equal(first.content, 'hello');
    far.respond(first, response(200, [['content-length', '2']]), 'ok');
    assert.equal(await near.readResponse(), 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');

    near.write('POST /b HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n');
    near.write('3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n');
    const second = await far.ending(await far.nextRequest());
    assert.deepEqual(second.heads, [
      ':method=POST :scheme=http :path=/b :authority=web',
      'x-sum=1',
    ]);
    assert.equal(second.content, 'abcde');
    far.respond(second, response(200), 'xyz', [['x-end', '2']]);
    assert.equal(
      await near.read('\r\n0\r\nx-end: 2\r\n\r\n'),
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\nx-end: 2\r\n\r\n',
    );
    near.destroy();
  });

  test('what speaks of the connection stays behind, `Upgrade: h2c` too', async () => {
    const near = await dial(harness.outboundPort);
    near.write(
      'GET / HTTP/1.1\r\nHost: web\r\nConnection: Upgrade, HTTP2-Settings, x-hop\r\n' +
        'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nX-Hop: 1\r\nTE: gzip\r\n' +
        'Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nX-End: 2\r\n\r\n',
    );
    const far = await lastPeer();
    const seen = await far.nextRequest();
    assert.equal(seen.head, ':method=GET :scheme=http :path=/ :authority=web x-end=2');
    far.respond(seen, response(200), 'ok');
    assert.ok((await near.read('0\r\n\r\n')).startsWith('HTTP/1.1 200 OK\r\n'));
    near.destroy();
  });

  test('HEAD, 204, 304 and a response without content', async () => {
    const near = await dial(harness.outboundPort);
    const far = await lastPeer();
    for (const [method, head, line] of [
      ['HEAD', response(200, [['content-length', '5']]), '200 OK\r\ncontent-length: 5\r\n'],
      ['GET', response(200), '200 OK\r\ncontent-length: 0\r\n'],
      ['GET', response(204), '204 No Content\r\n'],
      [
        'GET',
        response(304, [['content-length', '5']]),
        '304 Not Modified\r\ncontent-length: 5\r\n',
      ],
    ] as const) {
      near.write(`${method} / HTTP/1.1\r\nHost: web\r\n\r\n`);
      far.respond(await far.nextRequest(), head);
      assert.equal(await near.read('\r\n\r\n'), `HTTP/1.1 ${line}\r\n`);
    }
    near.destroy();
  });

  test('a client of HTTP/1.0 gets the body until the connection closes', async () => {
    const near = await dial(harness.outboundPort);
    near.write('GET /old HTTP/1.0\r\n\r\n');
    const nameless = await near.readAll();
    assert.ok(nameless.startsWith('HTTP/1.1 400 '), nameless);
    const named = await dial(harness.outboundPort);
    named.write('GET /old HTTP/1.0\r\nHost: web\r\n\r\n');
    const far = await lastPeer();
    const seen = await far.nextRequest();
    assert.equal(seen.head, ':method=GET :scheme=http :path=/old :authority=web');
    far.frames.write(frame.headers(seen.id, block(response(103))));
    far.respond(seen, response(200), 'until close', [['x-lost', '1']]);
    assert.equal(await named.readAll(), 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil close');
    near.destroy();
    named.destroy();
  });

  test('a reset cuts the response, so that it does not pass for whole', async () => {
    const near = await dial(harness.outboundPort);
    near.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
    const far = await lastPeer();
    const seen = await far.nextRequest();
    far.frames.write(frame.headers(seen.id, block(response(200))), frame.data(seen.id, 'par'));
    await near.read('3\r\npar\r\n');
    far.cancel(seen, code.INTERNAL_ERROR);
    assert.equal(await near.readAll(), '');
    near.destroy();
  });

  test('pipelined requests are answered in order', async () => {
    const near = await dial(harness.outboundPort);
    const far = await lastPeer();
    near.write('GET /1 HTTP/1.1\r\nHost: web\r\n\r\nGET /2 HTTP/1.1\r\nHost: web\r\n\r\n');
    for (const path of ['/1', '/2']) {
      const seen = await far.nextRequest();
      assert.ok(seen.head?.includes(`:path=${path} `));
      far.respond(seen, response(200, [['content-length', '2']]), path);
      assert.ok((await near.readResponse()).endsWith(`\r\n\r\n${path}`));
    }
    near.destroy();
  });

  test('an endpoint that speaks HTTP/1.1 is told from one that is broken', async () => {
    const wrong = await startOrigin((wire) => {
      wire.socket.once('data', () => wire.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    });
    harness.setTarget('host:wrong', { endpoints: [{ port: wrong.port }], protocol: 'http2' });
    const near = await dial(harness.outboundPort);
    near.write('GET / HTTP/1.1\r\nHost: wrong\r\n\r\n');
    const answer = await near.readResponse();
    assert.ok(answer.startsWith('HTTP/1.1 502 '), answer);
    assert.match(answer, /it answered in HTTP\/1; declare protocol: http1 for its service/);
    near.destroy();
    await wrong.close();
  });

  async function lastPeer(): Promise<H2Peer> {
    return origin.peers[origin.peers.length - 1];
  }
});

describe('HTTP/2 to an endpoint declared http1', () => {
  let harness: Harness;
  let origin: Origin;
  let client: H2Peer;

  before(async () => {
    origin = await startOrigin();
    const target = { endpoints: [{ port: origin.port }], protocol: 'http1' } as const;
    harness = await startHarness({ 'host:web': target });
    client = await dialH2(harness.outboundPort);
  });

  after(async () => {
    client.destroy();
    await harness.close();
    await origin.close();
  });

  test('a head becomes lines, its authority a host field, its crumbs one cookie', async () => {
    const fields = [
      ['cookie', 'a=1'],
      ['x-a', 'b'],
      ['cookie', 'c=2'],
      ['te', 'trailers'],
    ] as const;
    const asked = client.request(get('/a?b', fields));
    const server = await origin.accept();
    assert.equal(
      await server.read('\r\n\r\n'),
      'GET /a?b HTTP/1.1\r\nhost: web\r\nx-a: b\r\nte: trailers\r\ncookie: a=1; c=2\r\n\r\n',
    );
    server.write('HTTP/1.1 200 OK\r\nX-Case: Kept\r\nContent-Length: 2\r\n\r\nok');
    await client.ending(asked);
    assert.deepEqual(asked.heads, [':status=200 x-case=Kept content-length=2']);
    assert.equal(asked.content, 'ok');
  });

  test('content of a declared length keeps it; other content becomes chunks', async () => {
    const known = client.request(post('/known', [['content-length', '5']]), 'hello');
    const [first] = origin.connections;
    assert.equal(
      await first.read('hello'),
      'POST /known HTTP/1.1\r\nhost: web\r\ncontent-length: 5\r\n\r\nhello',
    );
    first.write('HTTP/1.1 204 No Content\r\n\r\n');
    assert.equal(await client.headOf(known), ':status=204');

    const open = client.open(post('/open'));
    client.send(open, 'abc', [['x-sum', '1']]);
    assert.equal(
      await first.read('x-sum: 1\r\n\r\n'),
      'POST /open HTTP/1.1\r\nhost: web\r\ntransfer-encoding: chunked\r\n\r\n' +
        '3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n',
    );
    first.write('HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n');
    first.write('2\r\nok\r\n0\r\nX: y\r\n\r\n');
    await client.ending(open);
    assert.deepEqual(open.heads, [':status=200', 'x=y']);
    assert.equal(open.content, 'ok');
    first.destroy();
  });

  test('a request without content has no framing, or a length of 0', async () => {
    for (const [method, line] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', 'content-length: 0\r\n'],
      ['PUT', 'content-length: 0\r\n'],
      ['PATCH', 'content-length: 0\r\n'],
    ] as const) {
      const asked = client.request(request(method, '/'));
      const server = await origin.accept();
      assert.equal(
        await server.read('\r\n\r\n'),
        `${method} / HTTP/1.1\r\nhost: web\r\n${line}\r\n`,
      );
      server.write('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      assert.equal(await client.headOf(asked), ':status=200 content-length=0');
      server.destroy();
    }
  });

  test('a response until close ends with its connection', async () => {
    const asked = client.request(get());
    const server = await origin.accept();
    await server.read('\r\n\r\n');
    server.write(
      'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\nwhole',
    );
    server.end();
    await client.ending(asked);
    assert.deepEqual(asked.heads, [':status=200']);
    assert.equal(asked.content, 'whole');
    assert.equal(asked.reset, '');
  });

  test('HEAD, 204 and 304 have no content', async () => {
    for (const [method, lines, head] of [
      ['HEAD', '200 OK\r\nContent-Length: 5', ':status=200 content-length=5'],
      ['HEAD', '200 OK\r\nTransfer-Encoding: chunked', ':status=200'],
      ['GET', '204 No Content', ':status=204'],
      ['GET', '304 Not Modified\r\nContent-Length: 5', ':status=304 content-length=5'],
    ] as const) {
      const asked = client.request(request(method, '/'));
      const server = await origin.accept();
      await server.read('\r\n\r\n');
      server.write(`HTTP/1.1 ${lines}\r\nConnection: close\r\n\r\n`);
      await client.ending(asked);
      assert.deepEqual(asked.heads, [head]);
      assert.equal(asked.content, '');
      server.destroy();
    }
  });

  test('informational responses pass, 101 is malformed', async () => {
    const asked = client.open(post('/', [['expect', '100-continue']]));
    const server = await origin.accept();
    assert.ok((await server.read('\r\n\r\n')).includes('\r\nexpect: 100-continue\r\n'));
    server.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
    await client.until('103', () => asked.heads.length === 2);
    client.send(asked, 'hi', 'end');
    await server.read('0\r\n\r\n');
    server.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
    await client.ending(asked);
    assert.deepEqual(asked.heads.slice(0, 2), [':status=100', ':status=103 link=</a>']);
    assert.match(asked.heads[2], /^:status=502 heddle-error=UPSTREAM_MALFORMED /);
    server.destroy();
  });

  test('a response that is cut is reset', async () => {
    client = await dialH2(harness.outboundPort);
    for (const lines of [
      'Content-Length: 9\r\n\r\npart',
      'Transfer-Encoding: chunked\r\n\r\n4\r\npart',
    ]) {
      const asked = client.request(get());
      const server = await origin.accept();
      await server.read('\r\n\r\n');
      server.write(`HTTP/1.1 200 OK\r\n${lines}`);
      await client.until('a part', () => asked.content === 'part');
      server.destroy();
      await client.ending(asked);
      assert.equal(asked.reset, 'INTERNAL_ERROR');
      assert.equal(asked.ended, false);
    }
  });

  test('a client that resets its request takes its connection to the endpoint along', async () => {
    const asked = client.open(post());
    client.send(asked, 'abc');
    const server = await origin.accept();
    await server.read('abc\r\n');
    client.cancel(asked, code.CANCEL);
    assert.equal(await server.readAll(), '');
    server.destroy();
  });
});
