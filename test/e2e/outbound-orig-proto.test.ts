/**
 * Goal: requests of HTTP/1 share an HTTP/2 connection to a proxy that restores them, and the client
 * cannot tell. Method: the outbound proxy between raw clients and a peer made of node:http2 behind
 * node:tls, with exact heads on the client's side.
 */

import assert from 'node:assert/strict';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { describe, test } from 'node:test';
import {
  endpointOf,
  type MeshHarness,
  mesh,
  startMeshHarness,
  traitsOf,
  webName,
} from '../support/mesh-harness.ts';
import { startTlsPeer, type TlsPeer } from '../support/tls-peer.ts';
import { untilTurn } from '../support/turns.ts';
import { dial } from '../support/wire.ts';

type Headers = Record<string, string | string[] | undefined>;
type Serve = (stream: ServerHttp2Stream, headers: Headers) => void;

interface Fixture extends AsyncDisposable {
  readonly peer: TlsPeer;
  readonly proxy: MeshHarness;
  /** Heads of requests in their order. */
  readonly heads: Headers[];
}

async function start(serve: Serve, overrides: { protocol?: 'http1' | 'auto' } = {}) {
  const heads: Headers[] = [];
  const peer = await startTlsPeer({
    identity: mesh.identity(webName),
    http2(stream, headers) {
      heads.push({ ...headers });
      serve(stream, headers);
    },
    http1(request, response) {
      heads.push({ ':method': request.method, ...request.headers });
      response.end('one');
    },
  });
  const target = { endpoints: [endpointOf(peer, { protocolHint: 'h2' })], ...overrides };
  const proxy = await startMeshHarness({ 'host:web': target, 'bind:bound:1': target });
  const fixture: Fixture = {
    peer,
    proxy,
    heads,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await peer[Symbol.asyncDispose]();
    },
  };
  return fixture;
}

const answer: Serve = (stream) => {
  stream.respond({ ':status': 200, 'l5d-orig-proto': 'HTTP/1.1', 'content-length': '2' });
  stream.end('ok');
};

const restored = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n';

test('many clients share one connection, and see nothing of it', async () => {
  await using fixture = await start(answer);
  const { proxy, peer, heads } = fixture;
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      proxy.ask(`GET /${index}?q HTTP/1.1\r\nHost: web\r\nConnection: close, x\r\nX: 1\r\n\r\n`),
    ),
  );
  for (const text of answers) {
    assert.ok(text.startsWith(restored), text);
    assert.ok(!text.includes('l5d-'), text);
  }
  assert.equal(peer.connections.length, 1);
  assert.deepEqual(peer.connections[0].header, { port: 8080, name: '', session: 'http2' });
  for (const head of heads) {
    assert.equal(head['l5d-orig-proto'], 'HTTP/1.1');
    assert.equal(head[':authority'], 'web');
    assert.equal(head.x, undefined, 'named by Connection');
  }
});

describe('what a request says of itself', () => {
  const cases = {
    'HTTP/1.1': ['GET / HTTP/1.1\r\nHost: web\r\n\r\n', 'HTTP/1.1'],
    'HTTP/1.0': ['GET / HTTP/1.0\r\nHost: web\r\n\r\n', 'HTTP/1.0'],
    'absolute form, for the proxy': ['GET http://web/ HTTP/1.1\r\nHost: web\r\n\r\n', 'HTTP/1.1'],
    'a lie about it': [
      'GET / HTTP/1.1\r\nHost: web\r\nL5D-Orig-Proto: HTTP/1.0\r\n\r\n',
      'HTTP/1.1',
    ],
  } as const;
  for (const [name, [text, proto]] of Object.entries(cases)) {
    test(name, async () => {
      await using fixture = await start(answer);
      assert.ok((await fixture.proxy.ask(text)).startsWith('HTTP/1.1 200 OK\r\n'));
      assert.equal(fixture.heads[0]['l5d-orig-proto'], proto);
      assert.equal(fixture.heads[0][':path'], '/');
      assert.equal(fixture.heads[0].host, undefined);
    });
  }

  test('absolute form, of a client that knows of no proxy', async () => {
    await using fixture = await start(answer);
    const wire = await dial(fixture.proxy.harness.bindPort);
    wire.write('GET http://elsewhere/x HTTP/1.1\r\nHost: elsewhere\r\n\r\n');
    assert.ok((await wire.readResponse()).startsWith(restored));
    assert.equal(fixture.heads[0]['l5d-orig-proto'], 'HTTP/1.1; absolute-form');
    assert.equal(fixture.heads[0][':path'], '/x');
    assert.equal(fixture.heads[0][':authority'], 'elsewhere');
    wire.destroy();
  });
});

describe('content', () => {
  const echo: Serve = (stream, headers) => {
    const parts: Buffer[] = [];
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('end', () => {
      const text = JSON.stringify({
        length: headers['content-length'],
        coding: headers['transfer-encoding'],
        sent: Buffer.concat(parts).toString(),
      });
      stream.respond({ ':status': 200, 'content-length': String(text.length) });
      stream.end(text);
    });
  };

  const cases = {
    'by length': ['Content-Length: 3\r\n\r\nabc', { length: '3', sent: 'abc' }],
    'in chunks': ['Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', { sent: 'abc' }],
    'of length 0': ['Content-Length: 0\r\n\r\n', { length: '0', sent: '' }],
    none: ['\r\n', { sent: '' }],
  } as const;
  for (const [name, [rest, seen]] of Object.entries(cases)) {
    test(name, async () => {
      await using fixture = await start(echo);
      const text = await fixture.proxy.ask(`POST / HTTP/1.1\r\nHost: web\r\n${rest}`);
      assert.deepEqual(JSON.parse(text.slice(text.indexOf('\r\n\r\n'))), seen);
    });
  }

  test('larger than all windows, both ways', async () => {
    const size = 3 * 1024 * 1024;
    await using fixture = await start((stream) => {
      stream.respond({ ':status': 200, 'content-length': String(size) });
      stream.pipe(stream);
    });
    const wire = await fixture.proxy.dial();
    wire.write(`POST / HTTP/1.1\r\nHost: web\r\nContent-Length: ${size}\r\n\r\n`);
    wire.write('x'.repeat(size));
    const text = await wire.readResponse();
    assert.equal(text.length - text.indexOf('\r\n\r\n') - 4, size);
  });

  test('trailers, both ways', async () => {
    await using fixture = await start((stream) => {
      let trailers = '';
      stream.on('trailers', (fields: Headers) => {
        trailers = String(fields['x-sum']);
      });
      stream.resume();
      stream.on('end', () => {
        stream.respond({ ':status': 200 }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-back': trailers }));
        stream.end('ok');
      });
    });
    const wire = await fixture.proxy.dial();
    wire.write('POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n');
    wire.write('1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n');
    assert.match(await wire.read('x-back: 7\r\n\r\n'), /transfer-encoding: chunked\r\n/);
  });

  test('that waits for 100 Continue', async () => {
    await using fixture = await start((stream, headers) => {
      assert.equal(headers.expect, '100-continue');
      stream.additionalHeaders({ ':status': 100 });
      echo(stream, headers);
    });
    const wire = await fixture.proxy.dial();
    wire.write('POST / HTTP/1.1\r\nHost: web\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n');
    assert.match(await wire.read('\r\n\r\n'), /^HTTP\/1.1 100 /);
    wire.write('a');
    assert.match(await wire.readResponse(), /"sent":"a"/);
  });

  test('that nobody reads: an early answer ends the connection', async () => {
    await using fixture = await start((stream) => {
      stream.respond({ ':status': 413, 'content-length': '0' });
      stream.end();
    });
    const wire = await fixture.proxy.dial();
    wire.write('POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 100\r\n\r\nabc');
    assert.match(await wire.readResponse(), /^HTTP\/1.1 413 .*connection: close/s);
    await wire.until('the end', () => wire.ended);
    assert.match(await fixture.proxy.ask('GET / HTTP/1.1\r\nHost: web\r\n\r\n'), /^HTTP\/1.1 413/);
    assert.equal(fixture.peer.connections.length, 1, 'the shared connection goes on');
  });
});

describe('responses without content', () => {
  const cases = {
    HEAD: ['HEAD', { ':status': 200, 'content-length': '5' }, /content-length: 5\r\n/],
    204: ['GET', { ':status': 204 }, /^HTTP\/1.1 204 No Content\r\n(?!.*content-length)/s],
    304: ['GET', { ':status': 304, etag: '"x"' }, /^HTTP\/1.1 304 Not Modified\r\n/],
  } as const;
  for (const [name, [method, head, expected]] of Object.entries(cases)) {
    test(name, async () => {
      await using fixture = await start((stream) => stream.respond(head, { endStream: true }));
      const wire = await fixture.proxy.dial();
      for (let time = 0; time < 2; time++) {
        wire.write(`${method} / HTTP/1.1\r\nHost: web\r\n\r\n`);
        assert.match(await wire.read('\r\n\r\n'), expected);
      }
      assert.equal(wire.received, '');
    });
  }

  test('to HTTP/1.0: the end of the connection delimits', async () => {
    await using fixture = await start((stream) => {
      stream.respond({ ':status': 200, 'l5d-orig-proto': 'HTTP/1.0' });
      stream.end('all of it');
    });
    const wire = await fixture.proxy.dial();
    wire.write('GET / HTTP/1.0\r\n\r\n'.replace('\r\n', '\r\nHost: web\r\n'));
    const text = await wire.readAll();
    assert.match(text, /^HTTP\/1.1 200 OK\r\n/);
    assert.ok(!text.includes('transfer-encoding') && text.endsWith('\r\n\r\nall of it'), text);
  });
});

describe('a reset', () => {
  test('before a response is a 502', async () => {
    await using fixture = await start((stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    const text = await fixture.proxy.ask(
      'POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 0\r\n\r\n',
    );
    assert.match(text, /^HTTP\/1.1 502 /);
    assert.match(text, /INTERNAL_ERROR/);
    assert.equal(fixture.heads.length, 1, 'it may have been processed');
  });

  test('that says it was not processed: the request is sent again', async () => {
    await using fixture = await start((stream, headers) => {
      if (fixture.heads.length === 1) stream.close(constants.NGHTTP2_REFUSED_STREAM);
      else answer(stream, headers);
    });
    const text = await fixture.proxy.ask(
      'POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 0\r\n\r\n',
    );
    assert.ok(text.startsWith(restored), text);
    assert.deepEqual(fixture.heads[0], fixture.heads[1]);
  });

  test('in the middle of a response ends the connection with a reset', async () => {
    await using fixture = await start((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('half');
      setImmediate(() => stream.destroy(new Error('on purpose')));
    });
    const wire = await fixture.proxy.dial();
    wire.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
    await wire.until('the end', () => wire.ended);
    assert.ok(!wire.received.includes('0\r\n\r\n'));
  });

  test('of the client reaches the peer alone on its stream', async () => {
    let cancelled = 0;
    await using fixture = await start((stream, headers) => {
      if (headers[':path'] === '/held') stream.on('close', () => cancelled++);
      else answer(stream, headers);
    });
    const wire = await fixture.proxy.dial();
    wire.write('GET /held HTTP/1.1\r\nHost: web\r\n\r\n');
    await untilTurn('the request', () => fixture.heads.length === 1);
    wire.socket.resetAndDestroy();
    await untilTurn('the reset', () => cancelled === 1);
    const text = await fixture.proxy.ask('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
    assert.ok(text.startsWith(restored));
    assert.equal(fixture.peer.connections.length, 1);
  });
});

test('an upgrade has a connection of its own, in HTTP/1', async () => {
  await using fixture = await start(answer);
  const { proxy, peer, heads } = fixture;
  assert.ok((await proxy.ask('GET / HTTP/1.1\r\nHost: web\r\n\r\n')).startsWith(restored));
  const upgrade = 'Connection: upgrade\r\nUpgrade: websocket\r\n';
  await proxy.ask(`GET / HTTP/1.1\r\nHost: web\r\n${upgrade}\r\n`);
  assert.equal(peer.connections.length, 2);
  assert.deepEqual(peer.connections[1].header?.session, 'http1');
  assert.equal(heads[1]['l5d-orig-proto'], undefined);
  assert.equal(heads[1].upgrade, 'websocket');
});

test('an early connection, of which nothing was said, carries them too', async () => {
  await using peer = await startTlsPeer({ identity: mesh.identity(webName), http2: answer });
  const traits = traitsOf({ protocolHint: 'h2' });
  const target = { endpoints: [{ port: peer.port, traits }] };
  await using proxy = await startMeshHarness({ 'bind:bound:1': target });
  const wire = await dial(proxy.harness.bindPort);
  await peer.untilConnections(1);
  wire.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
  assert.ok((await wire.readResponse()).startsWith(restored));
  assert.equal(peer.connections.length, 1);
  wire.destroy();
});
