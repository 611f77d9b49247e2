/**
 * Goal: gRPC calls pass with their status, are counted by it, keep their callers' time limits, and
 * are answered in their own terms when the proxy cannot serve them. Method: node:http2 on both
 * sides of a whole data plane; time is put forward by hand.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { type Harness, startHarness } from '../support/proxy-harness.ts';
import { untilTurn } from '../support/turns.ts';

let origin: Http2Server;
let harness: Harness;
let session: ClientHttp2Session;
let answer: (stream: ServerHttp2Stream, flags: number) => void;

before(async () => {
  origin = createServer();
  origin.on('stream', (stream: ServerHttp2Stream, _headers, flags) => {
    stream.on('error', () => {});
    answer(stream, flags);
  });
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const { port } = origin.address() as AddressInfo;
  harness = await startHarness({
    'host:calls': { endpoints: [{ port }] },
    'host:nobody': { endpoints: [], state: 'absent' },
    'host:empty': { endpoints: [] },
  });
});

after(async () => {
  await harness.close();
  origin.close();
});

afterEach(async () => {
  session.close();
  await untilQuietClients();
});

/** Connections to the origin stay in their pool. */
async function untilQuietClients(): Promise<void> {
  const open = (): number => harness.metric('tcp_open_connections', { peer: 'src' });
  await untilTurn('clients to be gone', () => open() === 0);
  assert.equal(harness.inFlight(), 0);
}

interface Outcome {
  readonly head: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: string;
  readonly resetCode: number;
}

const grpc = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };

function call(headers: Record<string, string>, body = 'message'): Promise<Outcome> {
  session ??= connect(`http://127.0.0.1:${harness.outboundPort}`);
  if (session.closed) session = connect(`http://127.0.0.1:${harness.outboundPort}`);
  const stream = session.request({ ':authority': 'calls', ...grpc, ...headers });
  let head: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  let received = '';
  stream.on('response', (got) => {
    head = got;
  });
  stream.on('trailers', (got) => {
    trailers = got;
  });
  stream.on('data', (bytes: Buffer) => {
    received += bytes.toString();
  });
  stream.on('error', () => {});
  stream.end(body);
  // Not `once`, which an error would end: a reset is an outcome.
  return new Promise((resolve) => {
    stream.on('close', () => {
      resolve({ head, trailers, body: received, resetCode: stream.rstCode ?? 0 });
    });
  });
}

function endWith(status: string): (stream: ServerHttp2Stream) => void {
  return (stream) => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc' },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
    stream.end('reply');
  };
}

test('a status in trailers passes, and is counted', async () => {
  for (const [status, classification] of [
    ['0', 'success'],
    ['5', 'success'],
    ['14', 'failure'],
  ]) {
    answer = endWith(status);
    const outcome = await call({});
    assert.equal(outcome.body, 'reply');
    assert.equal(outcome.trailers['grpc-status'], status);
    const labels = { grpc_status: status, classification, status_code: '200' };
    assert.equal(harness.metric('response_total', labels), 1, status);
  }
});

test('a status without content, in the head, is counted too', async () => {
  answer = (stream) => {
    const head = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '7' };
    stream.respond(head, { endStream: true });
  };
  const outcome = await call({});
  assert.equal(outcome.head['grpc-status'], '7');
  assert.equal(harness.metric('response_total', { grpc_status: '7' }), 1);
});

test('a call without messages ends behind its head', async () => {
  const seen: number[] = [];
  answer = (stream, flags) => {
    seen.push(flags & endStream);
    endWith('0')(stream);
  };
  // A connection is opened for the first one, which has ended by then; the second finds it there.
  harness.setTarget('host:late', { endpoints: [{ port: (origin.address() as AddressInfo).port }] });
  for (let turn = 0; turn < 2; turn++) await call({ ':authority': 'late' }, '');
  assert.deepEqual(seen, [0, 0]);
});

test('gRPC without a status is a success that is shown as UNKNOWN', async () => {
  answer = (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.end('reply');
  };
  await call({});
  assert.equal(
    harness.metric('response_total', { grpc_status: '2', classification: 'success' }),
    1,
  );
});

test('errors of the proxy are statuses of gRPC, without content', async () => {
  for (const [authority, status, code] of [
    ['nobody', '5', 'UNKNOWN_SERVICE'],
    ['empty', '14', 'NO_ENDPOINTS'],
  ]) {
    const { head, body, trailers } = await call({ ':authority': authority });
    assert.equal(head[':status'], 200);
    assert.equal(head['content-type'], 'application/grpc');
    assert.equal(head['grpc-status'], status);
    assert.equal(head['heddle-error'], code);
    assert.match(String(head['grpc-message']), new RegExp(`${authority}.*\\. `));
    assert.equal(body, '');
    assert.deepEqual(Object.keys(trailers), []);
  }
});

test('what is not gRPC is answered with a status of HTTP', async () => {
  const { head, body } = await call({ ':authority': 'nobody', 'content-type': 'text/plain' });
  assert.equal(head[':status'], 404);
  assert.match(body, /UNKNOWN_SERVICE/);
});

test('a call whose time is over ends with DEADLINE_EXCEEDED on both sides', async () => {
  const closed = Promise.withResolvers<number>();
  const arrived = Promise.withResolvers<void>();
  answer = (stream) => {
    stream.on('close', () => closed.resolve(stream.rstCode ?? 0));
    arrived.resolve();
  };
  const outcome = call({ 'grpc-timeout': '2S' });
  await arrived.promise;
  harness.passTime(1_000);
  assert.equal(harness.metric('heddle_errors_total', { code: 'DEADLINE_EXCEEDED' }), 0);
  harness.passTime(1_500);
  const { head } = await outcome;
  assert.equal(head['grpc-status'], '4');
  assert.equal(head['heddle-error'], 'DEADLINE_EXCEEDED');
  assert.equal(await closed.promise, 8);
});

test('an endpoint that goes in the middle leaves a status behind', async () => {
  answer = (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.write('some', () => stream.session?.destroy());
  };
  const { body, trailers, resetCode } = await call({});
  assert.equal(body, 'some');
  assert.equal(trailers['grpc-status'], '14');
  assert.equal(trailers['heddle-error'], 'UPSTREAM_TRUNCATED');
  assert.equal(resetCode, 0);
});

test('a reset by the endpoint stays a reset', async () => {
  answer = (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.write('some', () => stream.destroy(new Error('INTERNAL_ERROR')));
  };
  const { body, trailers, resetCode } = await call({});
  assert.equal(body, 'some');
  assert.deepEqual(Object.keys(trailers), []);
  assert.equal(resetCode, 2);
});

test('a client that cancels resets the call at the endpoint', async () => {
  const arrived = Promise.withResolvers<ServerHttp2Stream>();
  answer = (stream) => arrived.resolve(stream);
  session = connect(`http://127.0.0.1:${harness.outboundPort}`);
  const stream = session.request({ ':authority': 'calls', ...grpc });
  stream.on('error', () => {});
  const there = await arrived.promise;
  stream.close(8);
  await once(there, 'close');
  assert.equal(there.rstCode, 8);
});

const endStream = constants.NGHTTP2_FLAG_END_STREAM;
