/**
 * Goal: what HTTP/2 says by its frames, HTTP/1.1 is told by its fields. Method: endpoint or client
 * of `node:http2`; on the other side exact bytes of HTTP/1.1.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type Http2Server,
  type Http2ServerResponse,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type Harness, startHarness } from '../support/proxy-harness.ts';
import { dial, type Origin, startOrigin } from '../support/wire.ts';

type Answer = (response: Http2ServerResponse) => void;

let origin: Http2Server;
let harness: Harness;
let oldOrigin: Origin;
let client: ClientHttp2Session;
let answer: Answer;

before(async () => {
  origin = createServer((_request, response) => {
    response.sendDate = false;
    answer(response);
  });
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const { port } = origin.address() as AddressInfo;
  oldOrigin = await startOrigin();
  harness = await startHarness(
    {
      'host:web': { endpoints: [{ port }], protocol: 'http2' },
      'host:old': { endpoints: [{ port: oldOrigin.port }], protocol: 'http1' },
    },
    { poolIdleTimeoutMs: 60_000 },
  );
  client = connect(`http://127.0.0.1:${harness.outboundPort}`);
});

after(async () => {
  client.destroy();
  await oldOrigin.close();
  await harness.close();
  origin.close();
});

const ended = (status: number, fields: Record<string, string> = {}): Answer => {
  return (response) => {
    response.statusCode = status;
    for (const [name, value] of Object.entries(fields)) response.setHeader(name, value);
    response.end();
  };
};

const filled = (fields: Record<string, string> = {}): Answer => {
  return (response) => {
    response.writeHead(200, fields);
    response.end('hello');
  };
};

const trailed: Answer = (response) => {
  response.write('hello');
  response.addTrailers({ 'x-sum': '1' });
  response.end();
};

const responses: readonly (readonly [
  name: string,
  request: string,
  answer: Answer,
  expected: string,
])[] = [
  ['ended by its head', 'GET', ended(404), '404 Not Found\r\ncontent-length: 0\r\n\r\n'],
  ['of no length, ended', 'HEAD', ended(200), '200 OK\r\n\r\n'],
  [
    'of a length that HEAD asks for',
    'HEAD',
    ended(200, { 'content-length': '5' }),
    '200 OK\r\ncontent-length: 5\r\n\r\n',
  ],
  ['that never has content', 'GET', ended(204), '204 No Content\r\n\r\n'],
  ['not modified', 'GET', ended(304), '304 Not Modified\r\n\r\n'],
  [
    'of a declared length',
    'GET',
    filled({ 'content-length': '5' }),
    '200 OK\r\ncontent-length: 5\r\n\r\nhello',
  ],
  [
    'of unknown length',
    'GET',
    filled(),
    '200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  ],
  [
    'with trailers',
    'GET',
    trailed,
    '200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n',
  ],
];

describe('a response', () => {
  for (const [name, method, script, expected] of responses) {
    test(`${name} (${method})`, async () => {
      answer = script;
      const client = await dial(harness.outboundPort);
      client.write(`${method} / HTTP/1.1\r\nHost: web\r\n\r\n`);
      const received = await client.readBytes(`HTTP/1.1 ${expected}`.length);
      assert.equal(received, `HTTP/1.1 ${expected}`);
      // What follows would be taken for a part of the response, were it framed wrongly.
      answer = ended(299);
      client.write(`GET / HTTP/1.1\r\nHost: web\r\n\r\n`);
      assert.equal(await client.read('\r\n'), 'HTTP/1.1 299 Unknown\r\n');
      client.destroy();
    });
  }
});

const requests: readonly (readonly [
  name: string,
  fields: Record<string, string>,
  body: string,
  expected: string,
])[] = [
  ['without content', { ':method': 'GET' }, '', 'GET / HTTP/1.1\r\nhost: old\r\n\r\n'],
  [
    'without the content that it could have',
    { ':method': 'POST' },
    '',
    'POST / HTTP/1.1\r\nhost: old\r\ncontent-length: 0\r\n\r\n',
  ],
  [
    'of a declared length',
    { ':method': 'PUT', 'content-length': '5' },
    'hello',
    'PUT / HTTP/1.1\r\nhost: old\r\ncontent-length: 5\r\n\r\nhello',
  ],
  [
    'of unknown length',
    { ':method': 'POST' },
    'hello',
    'POST / HTTP/1.1\r\nhost: old\r\ntransfer-encoding: chunked\r\n\r\n' +
      '5\r\nhello\r\n0\r\n\r\n',
  ],
];

describe('a request', () => {
  for (const [name, fields, body, expected] of requests) {
    test(`${name} (${fields[':method']})`, async () => {
      const stream = client.request({ ':authority': 'old', ...fields }, { endStream: body === '' });
      if (body !== '') stream.end(body);
      const server = oldOrigin.connections.at(-1) ?? (await oldOrigin.accept());
      assert.equal(await server.readBytes(expected.length), expected);
      server.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      await once(stream, 'response');
      stream.resume();
      await once(stream, 'close');
    });
  }
});

describe('an endpoint that speaks HTTP/1 only', () => {
  for (const [name, bytes] of [
    ['by a status line', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['by a page alone', '<!DOCTYPE HTML>\n<p>Error code: 505</p>\n'],
  ]) {
    test(`is known ${name}`, async () => {
      const wrong = await startOrigin((wire) => {
        wire.socket.once('data', () => wire.write(bytes));
      });
      harness.setTarget('host:wrong', { endpoints: [{ port: wrong.port }], protocol: 'http2' });
      const near = await dial(harness.outboundPort);
      near.write('GET / HTTP/1.1\r\nHost: wrong\r\n\r\n');
      const received = await near.readResponse();
      assert.match(received, /^HTTP\/1\.1 502 .*it answered in HTTP\/1; declare protocol: http1/s);
      near.destroy();
      await wrong.close();
    });
  }
});
