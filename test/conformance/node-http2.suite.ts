/**
 * Goal: `node:http2` on both sides, which is nghttp2, finds streams unchanged by proxies: content,
 * fields, trailers, resets and their codes, and connections that end in order. Method: scripts of
 * single streams at the origin, and settings that few clients use.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientSessionOptions,
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  sensitiveHeaders,
} from 'node:http2';
import { type TestContext, test } from 'node:test';
import { exchange } from './http2-client.ts';
import { startMesh, type Way } from './mesh.ts';
import { bytesOf, hashOf, listen } from './web-origin.ts';

type Script = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** What the origin does with the next streams. */
let script: Script;
const originSessions = new Set<ServerHttp2Session>();
const large = bytesOf(2_000_000);
/** In megabytes; by default it resets streams when there are many of some size. */
const maxSessionMemory = 1_000;

test('node:http2', async (t) => {
  const port = await startOrigin(t);
  const mesh = await startMesh(t, { h2: { port, protocol: 'http2' } });
  for (const way of mesh.ways('h2')) {
    await t.test(`settings by ${way.name}`, (t) => vary(t, way));
    const session = connectTo(t, way);
    await t.test(`messages by ${way.name}`, (t) => exchangeMessages(t, session));
    await t.test(`odd messages by ${way.name}`, (t) => exchangeOddities(t, session));
    await t.test(`resets by ${way.name}`, (t) => resetStreams(t, session));
    await t.test(`streams side by side by ${way.name}`, (t) => runSideBySide(t, session));
    await t.test(`ends of connections by ${way.name}`, (t) => endConnections(t, way));
  }
  await t.test('nothing is left', () => mesh.assertQuiet());
});

/** Each says something else about windows, frames, tables and padding; content stays as it is. */
async function vary(t: TestContext, way: Way): Promise<void> {
  const options: readonly ClientSessionOptions[] = [
    { settings: { initialWindowSize: 100 } },
    { settings: { initialWindowSize: 2 ** 31 - 1, maxFrameSize: 2 ** 24 - 1 } },
    { settings: { headerTableSize: 0 } },
    { settings: { headerTableSize: 2 ** 20, maxHeaderListSize: 1_000_000 } },
    { paddingStrategy: constants.PADDING_STRATEGY_MAX },
    { paddingStrategy: constants.PADDING_STRATEGY_CALLBACK, settings: { enablePush: true } },
  ];
  for (const option of options) {
    await t.test(JSON.stringify(option), async (t) => {
      const session = connectTo(t, way, option);
      const size = option.settings?.initialWindowSize === 100 ? 50_000 : large.length;
      script = echo;
      for (let turn = 0; turn < 3; turn++) {
        const body = large.subarray(0, size);
        const answer = await exchange(session, { ':method': 'POST', 'x-turn': `${turn}` }, body);
        assert.equal(hashOf(answer.body), hashOf(body));
      }
    });
  }

  await t.test('windows that change on the way', async (t) => {
    const session = connectTo(t, way);
    script = (stream) => stream.end(large);
    const stream = session.request(root);
    await once(stream, 'response');
    let size = 0;
    stream.on('data', (bytes: Buffer) => {
      // Below what is already there, and up again.
      const initialWindowSize = size % 3 === 0 ? 0 : 65_535;
      session.settings({ initialWindowSize });
      size += bytes.length;
    });
    session.on('localSettings', ({ initialWindowSize }) => {
      if (initialWindowSize === 0) session.settings({ initialWindowSize: 65_535 });
    });
    await once(stream, 'end');
    assert.equal(size, large.length);
  });
}

async function exchangeMessages(t: TestContext, session: ClientHttp2Session): Promise<void> {
  await t.test('informational heads, then trailers', async () => {
    script = (stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a>' });
      stream.additionalHeaders({ ':status': 103, link: '</b>' });
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'abc', 'x-more': 'd' }));
      stream.end('content');
    };
    const { informational, body, trailers } = await exchange(session, root);
    assert.deepEqual(
      informational.map(({ link }) => link),
      ['</a>', '</b>'],
    );
    assert.equal(body.toString(), 'content');
    assert.deepEqual([trailers['x-sum'], trailers['x-more']], ['abc', 'd']);
  });

  await t.test('trailers of a request', async () => {
    script = (stream) => {
      stream.on('trailers', (trailers) => stream.end(JSON.stringify(trailers)));
      stream.resume();
    };
    const stream = session.request({ ':method': 'POST' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'abc' }));
    stream.end('content');
    const [bytes] = (await once(stream, 'data')) as [Buffer];
    assert.equal(bytes.toString(), '{"x-sum":"abc"}');
    stream.resume();
    await once(stream, 'close');
  });

  await t.test('heads of 60 KB, with cookies, repeated and sensitive fields', async () => {
    let seen: IncomingHttpHeaders = {};
    script = (stream, headers) => {
      seen = headers;
      stream.respond({ 'set-cookie': ['a=1', 'b=2'], 'x-big': 'y'.repeat(50_000) });
      stream.end();
    };
    const big = Object.fromEntries(
      Array.from({ length: 60 }, (_, at) => [`x-${at}`, `${at}`.repeat(400)]),
    );
    const { headers } = await exchange(session, {
      ...big,
      cookie: ['c=3', 'd=4'],
      'x-secret': 'token',
      [sensitiveHeaders]: ['x-secret'],
    });
    for (const [name, value] of Object.entries(big)) assert.equal(seen[name], value);
    assert.equal(seen.cookie, 'c=3; d=4');
    const sensitive = (seen as { [sensitiveHeaders]?: string[] })[sensitiveHeaders];
    assert.ok(sensitive?.includes('x-secret'));
    assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2']);
    assert.equal(headers['x-big']?.length, 50_000);
  });
}

async function exchangeOddities(t: TestContext, session: ClientHttp2Session): Promise<void> {
  await t.test('no content in all its forms', async () => {
    script = (stream) => stream.respond({ ':status': 204 }, { endStream: true });
    assert.equal((await exchange(session, root)).headers[':status'], 204);
    script = (stream) => stream.respond({ 'content-length': 5 }, { endStream: true });
    assert.equal((await exchange(session, { ':method': 'HEAD' })).headers['content-length'], '5');
    script = (stream) => {
      stream.respond();
      stream.end();
    };
    assert.equal((await exchange(session, root)).body.length, 0);
  });

  await t.test('an answer before the end of the request', async () => {
    script = (stream) => {
      stream.respond({ ':status': 413 });
      stream.end('too much');
      stream.resume();
    };
    const stream = session.request({ ':method': 'POST' });
    stream.on('error', () => {});
    stream.write(large);
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    assert.equal(headers[':status'], 413);
    const [bytes] = (await once(stream, 'data')) as [Buffer];
    assert.equal(bytes.toString(), 'too much');
    stream.end();
    stream.close();
    await once(stream, 'close');
  });

  await t.test('frames that mean nothing to us', async () => {
    script = (stream) => {
      const session = stream.session as ServerHttp2Session;
      session.altsvc('h2=":8000"', stream.id as number);
      session.origin('https://example.com');
      assert.equal(stream.pushAllowed, false);
      stream.end('content');
    };
    assert.equal((await exchange(session, root)).body.toString(), 'content');
    const [, , payload] = await new Promise<[Error | null, number, Buffer]>((resolve) => {
      session.ping(Buffer.from('12345678'), (...result) => resolve(result));
    });
    assert.equal(payload.toString(), '12345678');
  });
}

/** The side that resets says why, and the other one learns it. */
async function resetStreams(t: TestContext, session: ClientHttp2Session): Promise<void> {
  const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_ENHANCE_YOUR_CALM } = constants;
  for (const code of [NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_ENHANCE_YOUR_CALM]) {
    await t.test(`by the client with ${code}`, async () => {
      const learnt = Promise.withResolvers<number | undefined>();
      script = (stream) => {
        stream.respond();
        stream.write('the beginning');
        stream.on('close', () => learnt.resolve(stream.rstCode));
      };
      const stream = session.request(root);
      stream.on('error', () => {});
      await once(stream, 'data');
      stream.close(code);
      assert.equal(await learnt.promise, code);
    });
  }

  await t.test('by the origin, which has not ended', async () => {
    script = (stream) => {
      stream.respond();
      stream.write('the beginning', () => stream.destroy(new Error('broken')));
    };
    const { body, resetCode } = await exchange(session, root);
    assert.deepEqual([body.toString(), resetCode], ['the beginning', NGHTTP2_INTERNAL_ERROR]);
  });

  await t.test('a stream that the origin refuses goes out once more', async () => {
    let attempts = 0;
    script = (stream) => {
      attempts += 1;
      if (attempts === 1) stream.close(constants.NGHTTP2_REFUSED_STREAM);
      else stream.end('second');
    };
    const { body } = await exchange(session, { ':method': 'POST' }, Buffer.from('once'));
    assert.deepEqual([body.toString(), attempts], ['second', 2]);
  });
}

async function runSideBySide(t: TestContext, session: ClientHttp2Session): Promise<void> {
  await t.test('200 at once, of all sizes', async () => {
    script = echo;
    const sizes = Array.from({ length: 200 }, (_, at) => (at * 7_919) % 200_000);
    const answers = await Promise.all(
      sizes.map((size) => exchange(session, { ':method': 'POST' }, large.subarray(0, size))),
    );
    assert.deepEqual(
      answers.map(({ body }) => body.length),
      sizes,
    );
  });

  await t.test('one that is not read holds up no other', async () => {
    script = (stream) => stream.end(large);
    const held = session.request(root);
    await once(held, 'response');
    for (let turn = 0; turn < 5; turn++) {
      const { body } = await exchange(session, root);
      assert.equal(body.length, large.length);
    }
    const parts: Buffer[] = [];
    for await (const part of held) parts.push(part as Buffer);
    assert.equal(hashOf(Buffer.concat(parts)), hashOf(large));
  });
}

async function endConnections(t: TestContext, way: Way): Promise<void> {
  await t.test('by the origin, in order: what is under way ends well', async (t) => {
    const session = connectTo(t, way);
    const arrived = Promise.withResolvers<ServerHttp2Stream>();
    script = (stream) => {
      stream.write('the beginning, ');
      arrived.resolve(stream);
    };
    const answer = exchange(session, root);
    const stream = await arrived.promise;
    for (const one of originSessions) one.close();
    script = (stream) => stream.end('another');
    assert.equal((await exchange(session, root)).body.toString(), 'another');
    stream.end('the end');
    assert.equal((await answer).body.toString(), 'the beginning, the end');
  });

  await t.test('by the client, in order', async (t) => {
    const session = connectTo(t, way);
    script = (stream) => {
      session.close();
      stream.end(large);
    };
    assert.equal((await exchange(session, root)).body.length, large.length);
    if (!session.destroyed) await once(session, 'close');
  });

  await t.test('by the client, at once: the origin learns it', async (t) => {
    const session = connectTo(t, way);
    const left = Promise.withResolvers<void>();
    script = (stream) => {
      stream.write('the beginning');
      stream.on('close', left.resolve);
    };
    const stream = session.request(root);
    stream.on('error', () => {});
    await once(stream, 'data');
    session.destroy();
    await left.promise;
  });
}

const root = { ':path': '/' };

const echo: Script = (stream) => {
  stream.respond();
  stream.pipe(stream);
};

function connectTo(
  t: TestContext,
  way: Way,
  options: ClientSessionOptions = {},
): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${way.port}`, { maxSessionMemory, ...options });
  session.on('error', () => {});
  t.after(() => session.destroy());
  return session;
}

async function startOrigin(t: TestContext): Promise<number> {
  const server = createServer({
    paddingStrategy: constants.PADDING_STRATEGY_MAX,
    maxSessionMemory,
  });
  server.on('session', (session) => {
    originSessions.add(session);
    session.on('error', () => {});
    session.on('close', () => originSessions.delete(session));
  });
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => {});
    script(stream, headers);
  });
  t.after(() => {
    for (const session of originSessions) session.destroy();
  });
  return listen(t, server);
}
