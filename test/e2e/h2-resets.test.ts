/**
 * Goal: a stream that one side resets is reset on the other, for the same reason, and is never
 * taken for whole. Method: node:http2 on both sides. NO_ERROR is what Node says when it drops a
 * stream, but also in place of END_STREAM behind a whole response, which is what RFC 9113 8.1 keeps
 * it for: it is a reset where less came than was declared.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type Http2Server,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type Harness, startHarness } from '../support/proxy-harness.ts';

const { NGHTTP2_NO_ERROR, NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR } = constants;

const grpcFields = { 'content-type': 'application/grpc' };

let origin: Http2Server;
let harness: Harness;
let session: ClientHttp2Session;
let declared: OutgoingHttpHeaders = {};
let serve: (stream: ServerHttp2Stream) => void;

before(async () => {
  origin = createServer();
  origin.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {});
    stream.respond(declared);
    stream.write('begin');
    serve(stream);
  });
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const { port } = origin.address() as AddressInfo;
  harness = await startHarness({ 'host:web': { endpoints: [{ port }] } });
  session = connect(`http://127.0.0.1:${harness.outboundPort}`);
});

after(async () => {
  session.destroy();
  await harness.close();
  origin.close();
});

describe('the code of a reset', () => {
  for (const [what, fields, reason, code] of [
    ['none, less than declared', { 'content-length': 9 }, undefined, NGHTTP2_INTERNAL_ERROR],
    ['none, without the status of gRPC', grpcFields, undefined, NGHTTP2_INTERNAL_ERROR],
    ['none, where nothing was declared', {}, undefined, NGHTTP2_NO_ERROR],
    ['an error', {}, new Error('broken'), NGHTTP2_INTERNAL_ERROR],
  ] as const) {
    test(`by the endpoint: ${what}`, async () => {
      let sent = -1;
      declared = fields;
      serve = (stream) => {
        stream.on('close', () => {
          sent = stream.rstCode ?? -1;
        });
        setImmediate(() => stream.destroy(reason));
      };
      const stream = session.request({ ':authority': 'web' });
      stream.on('error', () => {});
      stream.resume();
      await new Promise((resolve) => stream.on('close', resolve));
      assert.equal(stream.rstCode, code);
      assert.equal(sent, reason === undefined ? NGHTTP2_NO_ERROR : NGHTTP2_INTERNAL_ERROR);
    });
  }

  for (const [sent, code] of [
    [NGHTTP2_NO_ERROR, NGHTTP2_CANCEL],
    [NGHTTP2_CANCEL, NGHTTP2_CANCEL],
    [NGHTTP2_INTERNAL_ERROR, NGHTTP2_INTERNAL_ERROR],
  ]) {
    test(`by the client: ${sent}`, async () => {
      const learnt = Promise.withResolvers<number | undefined>();
      serve = (stream) => stream.on('close', () => learnt.resolve(stream.rstCode));
      const stream = session.request({ ':authority': 'web' });
      stream.on('error', () => {});
      await once(stream, 'data');
      stream.close(sent);
      assert.equal(await learnt.promise, code);
    });
  }
});
