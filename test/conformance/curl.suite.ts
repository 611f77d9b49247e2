/**
 * Goal: curl gets through proxies what it gets from the origin itself, in either version and
 * whatever the origin speaks. Method: curl with prior knowledge of HTTP/2, in HTTP/1.1, 1.0, by
 * upgrade, and with the outbound port as its proxy; its own account of status, version and size.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startMesh, type Way } from './mesh.ts';
import { missing, type Ran, run } from './programs.ts';
import { bytesOf, hashOf, startWebOrigin, type WebOrigin } from './web-origin.ts';

const versions = [
  { flag: '--http1.1', version: '1.1' },
  { flag: '--http2-prior-knowledge', version: '2' },
];

test('curl', { skip: missing('curl') }, async (t) => {
  const origins = { h1: await startWebOrigin(t, 'http1'), h2: await startWebOrigin(t, 'http2') };
  const mesh = await startMesh(t, origins);
  for (const [name, origin] of Object.entries(origins)) {
    for (const way of mesh.ways(name)) {
      for (const { flag, version } of versions) {
        await t.test(`${flag} to ${name} by ${way.name}`, async (t) => {
          await exchange(t, way, flag, `${version} ${origin.protocol}`);
          await leave(t, way, flag, origin);
        });
      }
    }
  }
  await t.test('older and newer ways to ask', (t) => useDialects(t, mesh.ways('h1')[1]));
  await t.test('the outbound port as a proxy', (t) => useProxy(t, mesh.outbound));
  await t.test('nothing is left', () => mesh.assertQuiet());
});

async function exchange(t: TestContext, way: Way, flag: string, versions: string): Promise<void> {
  const curl = (path: string, args: readonly string[] = [], stdin?: Buffer): Promise<Ran> =>
    curlAt(way.port, path, [flag, ...args], stdin);

  await t.test('GET', async () => {
    const { text } = await curl('/', ['-w', ' %{http_code} %{http_version} %header{x-origin}']);
    assert.equal(text, `hello 200 ${versions}`);
  });

  await t.test('HEAD, and statuses without content', async () => {
    const args = ['-o', '/dev/null', '-w', '%{http_code} %{size_download}'];
    assert.equal((await curl('/bytes/1000', [...args, '-I'])).text, '200 0');
    for (const status of [204, 304, 404, 503]) {
      assert.equal((await curl(`/status/${status}`, args)).text, `${status} 0`);
    }
  });

  await t.test('8 MB down', async () => {
    const { stdout } = await curl(`/bytes/${large.length}`);
    assert.equal(hashOf(stdout), hashOf(large));
  });

  await t.test('8 MB up, with a length and without', async () => {
    const expected = `${large.length} ${hashOf(large)} {}`;
    assert.equal((await curl('/hash', ['--data-binary', '@-'], large)).text, expected);
    assert.equal((await curl('/hash', ['-T', '-'], large)).text, expected);
  });

  await t.test('a body that comes back while it is sent', async () => {
    const type = ['-H', 'content-type: text/x-lines'];
    const { stdout } = await curl('/echo', ['-T', '-', '-X', 'POST', ...type, '-i'], large);
    assert.match(stdout.toString('latin1', 0, 1000), /^content-type: text\/x-lines\r\n/im);
    assert.equal(hashOf(stdout.subarray(-large.length)), hashOf(large));
  });

  await t.test('early hints and trailers', async () => {
    const early = await curl('/early', ['-i']);
    assert.match(early.text, /^HTTP\/\S+ 103.*\r\nlink: <\/style.*\r\n\r\nHTTP\/\S+ 200/is);
    const { text } = await curl('/trailers', ['-i']);
    assert.match(text, /\r\n\r\nbefore trailersx-checksum: 0123abcd\r\n/);
  });
}

async function leave(t: TestContext, way: Way, flag: string, origin: WebOrigin): Promise<void> {
  await t.test('an answer that it does not wait for', async () => {
    const { left } = origin;
    const { code, text } = await curlAt(way.port, '/endless', [flag, '--max-time', '0.5']);
    assert.deepEqual([code, text.slice(0, 14)], [28, 'one more line\n']);
    await origin.untilLeft(left + 1);
  });
}

async function useDialects(t: TestContext, way: Way): Promise<void> {
  const version = ['-w', ' %{http_version}'];

  await t.test('HTTP/1.0', async () => {
    const { text } = await curlAt(way.port, '/', ['--http1.0', ...version]);
    assert.match(text, /^hello 1\.[01]$/);
  });

  // Not over HTTP/2: with prior knowledge, curl 7.88 fails to use a connection again.
  await t.test('a connection for many requests, and many at once', async () => {
    const http1 = '--http1.1';
    const kept = await curlAt(way.port, '/bytes/5/[1-3]', [http1, '-w', ' %{num_connects}\n']);
    assert.equal(kept.text, 'a lin 1\na lin 0\na lin 0\n');
    const parallel = [http1, '-Z', '--parallel-max', '30', '-w', ' %{http_code}\n'];
    const { text } = await curlAt(way.port, '/bytes/30/[1-30]', parallel);
    assert.equal(text.match(/ 200$/gm)?.length, 30);
  });

  await t.test('an upgrade to HTTP/2 is not taken', async () => {
    const { text } = await curlAt(way.port, '/', ['--http2', ...version]);
    assert.equal(text, 'hello 1.1');
  });

  await t.test('Expect: 100-continue', async () => {
    for (const flag of ['--http1.1', '--http2-prior-knowledge']) {
      const args = [flag, '-H', 'expect: 100-continue', '--data-binary', '@-', '-v'];
      const { text, stderr } = await curlAt(way.port, '/hash', args, large);
      assert.equal(text, `${large.length} ${hashOf(large)} {}`);
      assert.match(stderr, /^< HTTP\/\S+ 100/m);
    }
  });

  await t.test('fields with every visible byte, and many of them', async () => {
    const value = Array.from({ length: 94 }, (_, code) => String.fromCharCode(33 + code)).join('');
    const many = Array.from({ length: 80 }, (_, at) => ['-H', `x-${at}: ${value}`]).flat();
    for (const flag of ['--http1.1', '--http2-prior-knowledge']) {
      const { text } = await curlAt(way.port, '/fields', [flag, ...many]);
      const fields = JSON.parse(text) as Record<string, string>;
      for (let at = 0; at < 80; at++) assert.equal(fields[`x-${at}`], value);
    }
  });
}

/** By absolute URL, and by CONNECT, in which either version may follow. */
async function useProxy(t: TestContext, outbound: number): Promise<void> {
  const proxy = ['-x', `http://127.0.0.1:${outbound}`, '-w', ' %{http_code} %{http_version}'];
  const get = async (service: string, args: readonly string[]): Promise<string> =>
    (await run('curl', [...common, ...proxy, ...args, `http://${service}/`])).text;

  for (const service of ['h1-near', 'h1-far', 'h2-near', 'h2-far']) {
    await t.test(service, async () => {
      assert.equal(await get(service, []), 'hello 200 1.1');
      assert.equal(await get(service, ['-p']), 'hello 200 1.1');
      assert.equal(await get(service, ['-p', '--http2-prior-knowledge']), 'hello 200 2');
    });
  }

  await t.test('a service that nobody knows', async () => {
    assert.match(await get('nobody', []), / 404 1\.1$/);
    const { code } = await run('curl', [...common, ...proxy, '-p', 'http://nobody/']);
    assert.equal(code, 56);
  });
}

function curlAt(port: number, path: string, args: readonly string[], stdin?: Buffer): Promise<Ran> {
  return run('curl', [...common, ...args, url(port, path)], stdin === undefined ? {} : { stdin });
}

const url = (port: number, path: string): string => `http://127.0.0.1:${port}${path}`;
const common = ['-sS', '--max-time', '20', '--noproxy', ''];
const large = bytesOf(8_000_000);
