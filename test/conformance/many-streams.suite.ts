/**
 * Goal: a connection does not wear out: ten thousand streams in succession, each with its head,
 * content and trailers, all on one connection on either side. Method: `node:http2`, whose content
 * and connections are counted; h2load with one stream at a time.
 */

import assert from 'node:assert/strict';
import { connect, createServer, type ServerHttp2Stream } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { exchange } from './http2-client.ts';
import { startMesh } from './mesh.ts';
import { missing, run } from './programs.ts';
import { listen } from './web-origin.ts';

const streams = 10_000;

test('many streams', async (t) => {
  const origin = await startCounter(t);
  const mesh = await startMesh(t, { h2: { port: origin.port, protocol: 'http2' } });
  for (const way of mesh.ways('h2')) {
    const before = origin.sessions;
    await t.test(`of node:http2 by ${way.name}`, async (t) => {
      const session = connect(`http://127.0.0.1:${way.port}`);
      t.after(() => session.destroy());
      for (let turn = 0; turn < streams; turn++) {
        const body = Buffer.alloc(turn % 100, 'x');
        const answer = await exchange(session, { ':method': 'POST', 'x-turn': `${turn}` }, body);
        assert.equal(answer.headers['x-turn'], `${turn}`);
        assert.equal(answer.body.length, body.length);
        assert.equal(answer.trailers['x-size'], `${body.length}`);
      }
    });
    await t.test(`of h2load by ${way.name}`, { skip: missing('h2load') }, async () => {
      const args = [`--requests=${streams}`, '--clients=1', '--max-concurrent-streams=1'];
      const { text } = await run('h2load', [...args, `http://127.0.0.1:${way.port}/`]);
      assert.match(text, new RegExp(`^requests: .* ${streams} succeeded, 0 failed, 0 e`, 'm'));
    });
    assert.equal(origin.sessions, before + 1);
  }
  await t.test('nothing is left', () => mesh.assertQuiet());
});

interface Counter {
  readonly port: number;
  /** Connections so far. */
  readonly sessions: number;
}

async function startCounter(t: TestContext): Promise<Counter> {
  let sessions = 0;
  const server = createServer();
  server.on('session', (session) => {
    sessions += 1;
    t.after(() => session.destroy());
  });
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const parts: Buffer[] = [];
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('end', () => {
      const body = Buffer.concat(parts);
      stream.respond({ 'x-turn': headers['x-turn'] ?? '' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-size': body.length }));
      stream.end(body);
    });
  });
  const port = await listen(t, server);
  return {
    port,
    get sessions() {
      return sessions;
    },
  };
}
