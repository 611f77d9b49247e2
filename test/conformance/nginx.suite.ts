/**
 * Goal: nginx is served by proxies and serves them. Method: as the origin in both versions, with
 * files, ranges, conditions, and connections that it ends after a hundred requests; and as the
 * client, which passes on what curl sends.
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeFolder, ownHost } from '../support/process.ts';
import { startMesh, type Way } from './mesh.ts';
import { missing, type Ran, run, start, untilWritten } from './programs.ts';
import { bytesOf, hashOf, startWebOrigin } from './web-origin.ts';

const file = bytesOf(1_000_000);

test('nginx', { skip: missing('nginx', 'curl', 'h2load') }, async (t) => {
  const folder = makeFolder(t);
  writeFileSync(join(folder, 'file.txt'), file);
  await startNginx(t, origins(folder));
  const web = await startWebOrigin(t, 'http2');
  const mesh = await startMesh(t, {
    http1: { host: ownHost, port: 8081, protocol: 'http1' },
    http2: { host: ownHost, port: 8082, protocol: 'http2' },
    web,
  });
  for (const protocol of ['http1', 'http2']) {
    for (const way of mesh.ways(protocol)) {
      const name = `an origin of ${protocol} by ${way.name}`;
      await t.test(name, (t) => useOrigin(t, way));
    }
  }
  const ways = mesh.ways('web');
  await startNginx(t, ways.map(front).join('\n'));
  for (const [index, way] of ways.entries()) {
    await t.test(`a client by ${way.name}`, (t) => useFront(t, frontPort + index));
  }
  await t.test('nothing is left', () => mesh.assertQuiet());
});

async function useOrigin(t: TestContext, way: Way): Promise<void> {
  const url = `http://127.0.0.1:${way.port}/file.txt`;
  for (const flag of ['--http1.1', '--http2-prior-knowledge']) {
    await t.test(`files, for curl ${flag}`, async () => {
      assert.equal(hashOf((await curl(flag, url)).stdout), hashOf(file));
      const range = await curl(flag, '-r', '100-199', '-w', ' %{http_code}', url);
      assert.equal(range.text, `${file.subarray(100, 200).toString()} 206`);
      const parts = await curl(flag, '-r', '0-9,20-29', '-w', ' %{content_type}', url);
      assert.match(parts.text, / multipart\/byteranges; boundary=\w+$/);
      const tag = (await curl(flag, '-I', '-w', '%header{etag}', '-o', '/dev/null', url)).text;
      const code = ['-o', '/dev/null', '-w', '%{http_code}'];
      assert.equal((await curl(flag, ...code, '-H', `if-none-match: ${tag}`, url)).text, '304');
      assert.equal((await curl(flag, ...code, `${url}.gone`)).text, '404');
      // Without a body: nginx refuses before it has read one, and curl 7.88 then often takes the
      // end of its HTTP/2 stream for an error (92), with nginx alone too.
      assert.equal((await curl(flag, ...code, '-X', 'DELETE', url)).text, '405');
    });
  }

  await t.test('connections that end after a hundred requests', async () => {
    for (const args of [['--max-concurrent-streams=4'], ['--h1']]) {
      const load = ['--requests=5000', '--clients=8', ...args, `http://127.0.0.1:${way.port}/`];
      const { text } = await run('h2load', load);
      assert.match(text, /^requests: .* 5000 succeeded, 0 failed, 0 errored/m);
    }
  });
}

async function useFront(t: TestContext, port: number): Promise<void> {
  const url = `http://${ownHost}:${port}`;
  await t.test('bodies down and up', async () => {
    assert.equal(hashOf((await curl(`${url}/bytes/${file.length}`)).stdout), hashOf(file));
    const { text } = await run('curl', [...common, '-T', '-', `${url}/hash`], { stdin: file });
    assert.equal(text, `${file.length} ${hashOf(file)} {}`);
  });

  await t.test('fifty at once on kept connections', async () => {
    const load = ['--requests=500', '--clients=50', '--h1', `${url}/`];
    assert.match((await run('h2load', load)).text, / 500 succeeded, 0 failed, 0 errored/);
  });
}

async function startNginx(t: TestContext, servers: string): Promise<void> {
  const folder = makeFolder(t);
  const path = join(folder, 'nginx.conf');
  writeFileSync(path, configuration(folder, servers));
  await untilWritten(start(t, 'nginx', ['-p', folder, '-c', path]), /start worker process \d+/);
}

const configuration = (folder: string, servers: string): string => `
daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${folder}/pid;
error_log stderr notice;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  scgi_temp_path ${folder}/scgi;
  uwsgi_temp_path ${folder}/uwsgi;
  ${servers}
}
`;

const origins = (folder: string): string => `
  keepalive_requests 100;
  types { text/plain txt; }
  server { listen ${ownHost}:8081; root ${folder}; location = / { return 200 hello; } }
  server { listen ${ownHost}:8082 http2; root ${folder}; location = / { return 200 hello; } }
`;

/** One for each way, from `frontPort` on. */
const front = (way: Way, index: number): string => `
  upstream way${index} { server 127.0.0.1:${way.port}; keepalive 16; }
  server {
    listen ${ownHost}:${frontPort + index};
    client_max_body_size 10m;
    location / {
      proxy_pass http://way${index};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_request_buffering off;
    }
  }
`;

const curl = (...args: readonly string[]): Promise<Ran> => run('curl', [...common, ...args]);
const common = ['-sS', '--max-time', '20', '--noproxy', ''];
const frontPort = 8090;
