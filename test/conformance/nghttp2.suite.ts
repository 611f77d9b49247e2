/**
 * Goal: nghttp2 and the proxies understand each other, in whatever dialect of HTTP/2. Method:
 * nghttp with padding, CONTINUATION, tables and windows of odd sizes, h2load with many streams,
 * and nghttpd as the origin.
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeFolder, ownHost } from '../support/process.ts';
import { startMesh, type Way } from './mesh.ts';
import { missing, type Ran, run, start, untilWritten } from './programs.ts';
import { bytesOf, hashOf, startWebOrigin } from './web-origin.ts';

const body = bytesOf(1_000_000);

test('nghttp2', { skip: missing('nghttp', 'h2load', 'nghttpd') }, async (t) => {
  const folder = makeFolder(t);
  const file = join(folder, 'body');
  writeFileSync(file, body);
  const h1 = await startWebOrigin(t, 'http1');
  const h2 = await startWebOrigin(t, 'http2');
  const nghttpd = await startNghttpd(t, folder);
  const mesh = await startMesh(t, { h1, h2, nghttpd });
  for (const origin of ['h1', 'h2']) {
    for (const way of mesh.ways(origin)) {
      await t.test(`nghttp to ${origin} by ${way.name}`, (t) => useNghttp(t, way, file));
      await t.test(`h2load to ${origin} by ${way.name}`, (t) => useH2load(t, way, file));
    }
  }
  for (const way of mesh.ways('nghttpd')) {
    await t.test(`nghttpd by ${way.name}`, (t) => useNghttpd(t, way, file));
  }
  await t.test('nothing is left', () => mesh.assertQuiet());
});

async function useNghttp(t: TestContext, way: Way, file: string): Promise<void> {
  const nghttp = (path: string, ...args: readonly string[]): Promise<Ran> =>
    run('nghttp', ['--timeout=20', ...args, url(way, path)]);
  const received = `${body.length} ${hashOf(body)}`;

  const dialects: readonly (readonly string[])[] = [
    [],
    ['--padding=255'],
    ['--header-table-size=0', '--encoder-header-table-size=0'],
    ['--header-table-size=65536', '--encoder-header-table-size=65536'],
    ['--window-bits=6', '--connection-window-bits=10'],
    ['--window-bits=30', '--connection-window-bits=30', '--max-concurrent-streams=1'],
    ['--no-content-length', '--expect-continue'],
    ['--no-rfc7540-pri', '--no-push'],
    ['--weight=256', '--no-dep'],
  ];
  for (const dialect of dialects) {
    await t.test(`dialect ${dialect.join(' ')}`, async () => {
      const down = await nghttp('/bytes/20000', ...dialect);
      assert.equal(hashOf(down.stdout), hashOf(bytesOf(20_000)), down.stderr);
      const up = await nghttp('/hash', ...dialect, `--data=${file}`);
      assert.equal(up.text, `${received} {}`, up.stderr);
    });
  }

  await t.test('trailers behind the content', async () => {
    // HTTP/1.1 has no trailers where it has a length.
    const args = [`--data=${file}`, '--no-content-length', '--trailer=x-sum: 1'];
    const { text } = await nghttp('/hash', ...args);
    assert.equal(text, `${received} {"x-sum":"1"}`);
    assert.match((await nghttp('/trailers', '--verbose')).text, /\) x-checksum: 0123abcd\n/);
  });

  await t.test('fields that need CONTINUATION', async () => {
    const value = 'v'.repeat(1000);
    const many = Array.from({ length: 50 }, (_, at) => `--header=x-${at}: ${value}`);
    for (const args of [many, ['--continuation']]) {
      const { text } = await nghttp('/fields', ...args);
      const fields = JSON.parse(text) as Record<string, string>;
      if (args === many) assert.equal(fields['x-49'], value);
      assert.match(fields['user-agent'], /nghttp2/);
    }
  });

  await t.test('a hundred requests at once', async () => {
    const { text } = await nghttp('/bytes/30', '--multiply=100');
    assert.equal(text, bytesOf(30).toString().repeat(100));
  });
}

async function useH2load(t: TestContext, way: Way, file: string): Promise<void> {
  const loads: readonly (readonly [path: string, ...args: string[]])[] = [
    ['/', '--requests=2000', '--clients=8', '--max-concurrent-streams=32'],
    ['/', '--requests=500', '--clients=8', '--h1'],
    ['/', '--requests=500', '--header-table-size=0', '--encoder-header-table-size=0'],
    ['/bytes/100000', '--requests=200', '--max-concurrent-streams=50'],
    ['/hash', '--requests=20', '--max-concurrent-streams=5', `--data=${file}`],
  ];
  for (const [path, ...args] of loads) {
    await t.test(
      `${args.filter((arg) => !arg.startsWith('--data')).join(' ')} ${path}`,
      async () => {
        const { text } = await run('h2load', [...args, url(way, path)], { timeoutMs: 30_000 });
        const [total] = /\d+/.exec(args[0]) ?? [];
        assert.match(
          text,
          new RegExp(`^requests: ${total} total, .* ${total} succeeded, 0 f`, 'm'),
        );
        assert.match(text, new RegExp(`^status codes: ${total} 2xx, 0 3xx, 0 4xx, 0 5xx$`, 'm'));
      },
    );
  }
}

async function useNghttpd(t: TestContext, way: Way, file: string): Promise<void> {
  const args = ['--timeout=20', url(way, '/body')];

  await t.test('a file, over HTTP/2 and HTTP/1.1', async () => {
    const { text } = await run('nghttp', ['--stat', '--null-out', ...args]);
    assert.match(text, / 200\s+97[67]K \/body$/m);
    const load = ['--requests=50', '--h1', '--clients=4', url(way, '/body')];
    assert.match((await run('h2load', load)).text, / 50 succeeded, 0 failed, 0 errored/);
  });

  await t.test('its trailers, an upload that it sends back', async () => {
    const { text } = await run('nghttp', ['--verbose', '--null-out', ...args]);
    assert.match(text, /\) x-end: yes\n/);
    const { stdout } = await run('nghttp', [`--data=${file}`, ...args]);
    assert.equal(hashOf(stdout), hashOf(body));
  });

  await t.test('what it does not have', async () => {
    const { text } = await run('nghttp', ['--verbose', '--null-out', url(way, '/nothing')]);
    assert.match(text, /:status: 404\n/);
  });
}

async function startNghttpd(t: TestContext, folder: string) {
  const port = 8080;
  const flags = '--no-tls --verbose --echo-upload --padding=100 --max-concurrent-streams=10';
  const own = ['--trailer=x-end: yes', `--address=${ownHost}`, `--htdocs=${folder}`, `${port}`];
  await untilWritten(start(t, 'nghttpd', [...flags.split(' '), ...own]), /listen/);
  return { host: ownHost, port, protocol: 'http2' as const };
}

const url = ({ port }: Way, path: string): string => `http://127.0.0.1:${port}${path}`;
