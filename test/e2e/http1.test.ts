/**
 * HTTP/1.1 through the data plane: exact bytes at the client and at the origin, over real sockets.
 */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Harness, startHarness } from '../support/proxy-harness.ts';
import { dial, type Origin, startOrigin } from '../support/wire.ts';

let origin: Origin;
let harness: Harness;

before(async () => {
  origin = await startOrigin();
  harness = await startHarness({ 'host:web': { endpoints: [{ port: origin.port }] } });
});

after(async () => {
  await harness.close();
  await origin.close();
});

const get = 'GET / HTTP/1.1\r\nHost: web\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('requests and responses', () => {
  test('a request and its response pass byte for byte', async () => {
    const client = await dial(harness.outboundPort);
    const request = 'GET /a?b=%20 HTTP/1.1\r\nHost: web\r\nX-CaSe:  spaced \r\naccept: */*\r\n\r\n';
    client.write(request);
    const server = await origin.accept();
    assert.equal(await server.read('\r\n\r\n'), request);
    const response = 'HTTP/1.1 201 Made So\r\nServer: x\r\nContent-Length: 2\r\nX-B: 1\r\n\r\nok';
    server.write(response);
    assert.equal(await client.readResponse(), response);
    client.destroy();
    server.destroy();
  });

  test('pipelined requests are answered in order, over one connection', async () => {
    const client = await dial(harness.outboundPort);
    const request = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: web\r\n\r\n`;
    client.write(request('/1') + request('/2') + request('/3'));
    const server = await origin.accept();
    for (const path of ['/1', '/2', '/3']) {
      assert.equal(await server.read('\r\n\r\n'), request(path));
      server.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${path}`);
    }
    for (const path of ['/1', '/2', '/3']) {
      assert.equal((await client.readResponse()).slice(-2), path);
    }
    client.destroy();
    server.destroy();
  });

  test('chunked bodies and trailers pass both ways, framed anew', async () => {
    const client = await dial(harness.outboundPort);
    client.write('POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n');
    client.write('5;ext=1\r\nhello\r\n');
    const server = await origin.accept();
    assert.ok((await server.read('\r\n\r\n')).includes('Transfer-Encoding: chunked\r\n'));
    assert.equal(await server.read('hello\r\n'), '5\r\nhello\r\n');
    client.write('0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n');
    assert.equal(await server.read('\r\n\r\n'), '0\r\nX-Sum: 1\r\n\r\n');
    server.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n');
    server.write('3\r\nabc\r\n0\r\nX-T: 2\r\n\r\n');
    const head = await client.read('\r\n\r\n');
    assert.ok(head.includes('Transfer-Encoding: chunked\r\n'), head);
    assert.equal(await client.read('X-T: 2\r\n\r\n'), '3\r\nabc\r\n0\r\nX-T: 2\r\n\r\n');
    client.destroy();
    server.destroy();
  });

  test('a body until close becomes chunked for HTTP/1.1, and stays so for HTTP/1.0', async () => {
    for (const minor of [1, 0]) {
      const client = await dial(harness.outboundPort);
      client.write(`GET / HTTP/1.${minor}\r\nHost: web\r\n\r\n`);
      const server = await origin.accept();
      await server.read('\r\n\r\n');
      server.write('HTTP/1.1 200 OK\r\n\r\nwhole');
      server.end();
      if (minor === 1) {
        assert.ok((await client.read('\r\n\r\n')).includes('transfer-encoding: chunked'));
        assert.equal(await client.read('0\r\n\r\n'), '5\r\nwhole\r\n0\r\n\r\n');
      } else {
        assert.ok((await client.readAll()).endsWith('\r\n\r\nwhole'));
      }
      client.destroy();
      server.destroy();
    }
  });

  test('HEAD, 204 and 304 have no body, whatever their fields say', async () => {
    const client = await dial(harness.outboundPort);
    const answers = [
      ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'],
      ['GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
      ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'],
      ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ];
    client.write(`${answers[0][0]} / HTTP/1.1\r\nHost: web\r\n\r\n`);
    const server = await origin.accept();
    for (let index = 0; index < answers.length; index++) {
      await server.read('\r\n\r\n');
      server.write(answers[index][1]);
      const head = await client.read('\r\n\r\n');
      assert.equal(head.slice(0, 12), answers[index][1].slice(0, 12));
      const next = answers[index + 1];
      if (next !== undefined) client.write(`${next[0]} / HTTP/1.1\r\nHost: web\r\n\r\n`);
    }
    assert.equal(client.received, '');
    client.destroy();
    server.destroy();
  });

  test('100-continue passes both ways, and other informational responses', async () => {
    const client = await dial(harness.outboundPort);
    client.write(
      'POST / HTTP/1.1\r\nHost: web\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n',
    );
    const server = await origin.accept();
    assert.ok((await server.read('\r\n\r\n')).includes('Expect: 100-continue'));
    server.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n');
    assert.equal(await client.read('\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n');
    assert.equal(await client.read('\r\n\r\n'), 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n');
    client.write('hi');
    assert.equal(await server.readBytes(2), 'hi');
    server.write(ok);
    assert.equal(await client.readResponse(), ok);
    client.destroy();
    server.destroy();
  });

  test('an early response ends the exchange; the connection is not used again', async () => {
    const client = await dial(harness.outboundPort);
    client.write('POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 1000\r\n\r\nabc');
    const server = await origin.accept();
    await server.read('abc');
    server.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n');
    const response = await client.readAll();
    assert.ok(response.startsWith('HTTP/1.1 413 Too Large\r\n'), response);
    assert.ok(response.includes('connection: close\r\n'), response);
    await server.until('the end', () => server.ended || server.closed);
    client.destroy();
    server.destroy();
  });

  test('a client that half-closes after its request gets the response', async () => {
    const client = await dial(harness.outboundPort);
    client.write(get);
    client.end();
    const server = await origin.accept();
    await server.read('\r\n\r\n');
    server.write(ok);
    assert.ok((await client.readAll()).endsWith('ok'));
    server.destroy();
  });

  test('absolute-form becomes origin-form and decides the host', async () => {
    const client = await dial(harness.outboundPort);
    client.write('GET http://WEB/x HTTP/1.1\r\nHost: other\r\nProxy-Connection: x\r\n\r\n');
    const server = await origin.accept();
    assert.equal(await server.read('\r\n\r\n'), 'GET /x HTTP/1.1\r\nhost: WEB\r\n\r\n');
    client.destroy();
    server.destroy();
  });

  test('hop-by-hop fields go, also those that Connection names', async () => {
    const client = await dial(harness.outboundPort);
    const fields =
      'Connection: close, X-Gone\r\nX-Gone: 1\r\nKeep-Alive: 2\r\nTE: gzip\r\nX-B: 3\r\n';
    client.write(`GET / HTTP/1.1\r\nHost: web\r\n${fields}\r\n`);
    const server = await origin.accept();
    assert.equal(await server.read('\r\n\r\n'), 'GET / HTTP/1.1\r\nHost: web\r\nX-B: 3\r\n\r\n');
    server.write('HTTP/1.1 200 OK\r\nConnection: X-R\r\nX-R: 1\r\nContent-Length: 0\r\n\r\n');
    const response = await client.readAll();
    assert.ok(!response.includes('X-R'), response);
    assert.ok(response.includes('connection: close\r\n'), response);
    server.destroy();
  });
});

describe('upstream connections', () => {
  test('a byte that nobody asked for ends an idle connection', async () => {
    const client = await dial(harness.outboundPort);
    client.write(get);
    const server = await origin.accept();
    await server.read('\r\n\r\n');
    server.write(ok);
    await client.readResponse();
    server.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await server.until('the end', () => server.closed || server.ended);
    client.write(get);
    const next = await origin.accept();
    await next.read('\r\n\r\n');
    next.write(ok);
    assert.equal(await client.readResponse(), ok);
    client.destroy();
    next.destroy();
  });

  test('bytes behind a response are never part of the next one', async () => {
    const client = await dial(harness.outboundPort);
    client.write(get);
    const server = await origin.accept();
    await server.read('\r\n\r\n');
    server.write(`${ok}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
    assert.equal(await client.readResponse(), ok);
    client.write(get);
    const next = await origin.accept();
    await next.read('\r\n\r\n');
    next.write(ok);
    assert.equal(await client.readResponse(), ok);
    client.destroy();
    next.destroy();
  });

  test('a reused connection that dies is replaced once for GET, not for POST', async () => {
    for (const method of ['GET', 'POST']) {
      const client = await dial(harness.outboundPort);
      const request = `${method} / HTTP/1.1\r\nHost: web\r\nContent-Length: 0\r\n\r\n`;
      client.write(request);
      const server = await origin.accept();
      await server.read('\r\n\r\n');
      server.write(ok);
      await client.readResponse();
      client.write(request);
      await server.read('\r\n\r\n');
      server.destroy();
      if (method === 'GET') {
        const next = await origin.accept();
        assert.equal(await next.read('\r\n\r\n'), request);
        next.write(ok);
        assert.equal(await client.readResponse(), ok);
        next.destroy();
      } else {
        const response = await client.readResponse();
        assert.ok(response.startsWith('HTTP/1.1 502 '), response);
        assert.ok(response.includes('heddle-error: UPSTREAM_RESET\r\n'), response);
      }
      client.destroy();
    }
  });

  test('a response that is cut short is not taken for whole', async () => {
    const client = await dial(harness.outboundPort);
    client.write(get);
    const server = await origin.accept();
    await server.read('\r\n\r\n');
    server.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    await client.read('half');
    server.destroy();
    await client.until('the end', () => client.ended || client.closed);
    assert.equal(client.received, '');
    client.destroy();
  });

  test('malformed and oversized responses become 502 with their reason', async () => {
    const big = `X: ${'a'.repeat(1000)}\r\n`.repeat(70);
    const cases = [
      ['HTTP/1.1 abc\r\n\r\n', 'UPSTREAM_MALFORMED'],
      ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 'UPSTREAM_MALFORMED'],
      [`HTTP/1.1 200 OK\r\n${big}\r\n`, 'UPSTREAM_HEAD_TOO_LARGE'],
      ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n', 'UPSTREAM_MALFORMED'],
      ['HTTP/1.1 102 Processing\r\n\r\n'.repeat(40), 'UPSTREAM_MALFORMED'],
    ];
    for (const [bytes, code] of cases) {
      const client = await dial(harness.outboundPort);
      client.write(get);
      const server = await origin.accept();
      await server.read('\r\n\r\n');
      server.write(bytes);
      await client.until('502', () => client.received.includes(' 502 '));
      assert.ok((await client.readAll()).includes(`heddle-error: ${code}\r\n`), code);
      client.destroy();
      server.destroy();
    }
  });
});
