/**
 * Goal: whatever happens to the files that a proxy follows, connections stay and the last good
 * state is used. Method: the executable, its files rewritten under traffic, and what its log, its
 * metrics and its admin port say of it.
 */

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  ask,
  begin,
  keepOne,
  makeFolder,
  type ProxyProcess,
  startHttpOrigin,
  startProxy,
  untilMetrics,
} from '../../support/process.ts';

function yamlOf(services: string): string {
  return `
services: ${services}
proxy: { outbound: 127.0.0.1:0, admin: 127.0.0.1:0, workers: 1 }
`;
}

/** Rewrites heddle.yaml and waits until that has had `result` for the `count`th time. */
async function configure(
  proxy: ProxyProcess,
  yaml: string,
  result: 'applied' | 'partial' | 'refused',
  count: number,
): Promise<void> {
  proxy.write(yaml);
  const admin = proxy.port('Admin interface');
  await untilMetrics(
    admin,
    (metrics) => metrics.sum('heddle_config_reloads_total', { result }) === count,
  );
}

interface ShownConfig {
  readonly problems: readonly string[];
  readonly services: readonly { readonly name: string }[];
}

async function showConfig(proxy: ProxyProcess): Promise<ShownConfig> {
  return JSON.parse((await ask(proxy.port('Admin interface'), '/config')).body) as ShownConfig;
}

interface ShownEndpoints {
  readonly targets: readonly {
    readonly source: string;
    readonly location: string;
    readonly ageMs: number | null;
    readonly error: string | null;
    readonly endpoints: readonly { readonly address: string; readonly gate: string }[];
  }[];
}

test('services change, come and go under connections that stay', async (t) => {
  let streaming: ServerResponse | null = null;
  const first = await startHttpOrigin(t, (incoming, outgoing) => {
    if (incoming.url !== '/stream') {
      outgoing.end('first');
      return;
    }
    streaming = outgoing;
    outgoing.write('begun ');
  });
  const second = await startHttpOrigin(t, (_incoming, outgoing) => outgoing.end('second'));
  const web = (port: number): string => `{ web: { port: 80, endpoints: [127.0.0.1:${port}] } }`;
  const proxy = await startProxy(t, yamlOf(web(first)));
  const port = proxy.port('Outbound interface');
  const agent = keepOne(t);
  let connectionPort: number | undefined;
  const get = async (host: string): Promise<string> => {
    const response = await begin(port, '/', { headers: { host }, agent });
    connectionPort ??= response.socket.localPort;
    assert.equal(response.socket.localPort, connectionPort, 'the connection was dropped');
    const [body] = (await response.toArray()) as Buffer[];
    return `${response.statusCode} ${String(response.headers['heddle-error'] ?? body)}`;
  };
  /** The worker hears of a change a moment after it is applied. */
  const untilGet = async (host: string, before: string, wanted: string): Promise<void> => {
    let got = await get(host);
    for (let tries = 0; got === before && tries < 200; tries++) got = await get(host);
    assert.equal(got, wanted);
  };
  const stream = await begin(port, '/stream', { headers: { host: 'web' } });
  stream.setEncoding('utf8');
  let streamed = '';
  const streamEnded = new Promise((resolve) => stream.on('end', resolve));
  stream.on('data', (text: string) => {
    streamed += text;
  });
  assert.equal(await get('web'), '200 first');

  await configure(proxy, yamlOf(web(second)), 'applied', 1);
  await untilGet('web', '200 first', '200 second');

  const api = `{ api: { port: 80, endpoints: [127.0.0.1:${second}] } }`;
  await configure(proxy, yamlOf(api), 'applied', 2);
  await untilGet('web', '200 second', '404 UNKNOWN_SERVICE');
  assert.equal(await get('api'), '200 second');

  rmSync(join(proxy.folder, 'heddle.yaml'));
  await proxy.untilSaid(/the change is refused.*heddle\.yaml:1:1: it does not exist/);
  assert.equal(await get('api'), '200 second');

  const held = streaming as ServerResponse | null;
  held?.end('and ended');
  await streamEnded;
  assert.equal(streamed, 'begun and ended');
});

test('services with mistakes are refused alone, other mistakes with the file', async (t) => {
  const origin = await startHttpOrigin(t, (_incoming, outgoing) => outgoing.end('good'));
  const good = `{ port: 80, endpoints: [127.0.0.1:${origin}] }`;
  const proxy = await startProxy(t, yamlOf(`{ web: ${good} }`));
  const port = proxy.port('Outbound interface');
  const admin = proxy.port('Admin interface');
  const get = async (host: string): Promise<string> => {
    const { status, headers, body } = await ask(port, '/', { headers: { host } });
    return `${status} ${String(headers['heddle-error'] ?? body)}`;
  };
  assert.equal(await get('web'), '200 good');
  const bad = `\n  api: ${good}\n  web:\n    port: many\n    dsn: x\n  new: 5`;
  await configure(proxy, yamlOf(bad), 'partial', 1);
  const { problems, services } = await showConfig(proxy);
  const listed = problems.join('\n');
  assert.match(listed, /heddle\.yaml:5:11: services\.web\.port: expected .*, got "many"; /);
  assert.match(listed, /heddle\.yaml:6:5: services\.web\.dsn: unknown key; .*dns.*before stays/);
  assert.match(listed, /heddle\.yaml:7:8: services\.new: expected a mapping.*it is left out/);
  assert.deepEqual(
    services.map(({ name }) => name),
    ['web', 'api'],
  );
  await proxy.untilSaid(/ERROR .*an entry is refused.*heddle\.yaml:5:11: services\.web\.port/);
  assert.deepEqual([await get('web'), await get('api')], ['200 good', '200 good']);
  const refused = 'heddle_config_problems';
  await untilMetrics(admin, (metrics) => metrics.sum(refused) === problems.length);

  await configure(proxy, yamlOf('5'), 'refused', 1);
  await proxy.untilSaid(/ERROR .*the change is refused.*heddle\.yaml:2:11: services: expected/);
  assert.deepEqual([await get('web'), await get('api')], ['200 good', '200 good']);

  await configure(proxy, yamlOf(`{ api: ${good} }`), 'applied', 1);
  let gone = await get('web');
  while (gone === '200 good') gone = await get('web');
  assert.equal(gone, '404 UNKNOWN_SERVICE');
  assert.deepEqual((await showConfig(proxy)).problems, []);
  await untilMetrics(admin, (metrics) => metrics.sum(refused) === 0);
});

test('a spoilt endpoints file keeps the last good endpoints', async (t) => {
  const origin = await startHttpOrigin(t, (_incoming, outgoing) => outgoing.end('good'));
  const folder = makeFolder(t);
  const path = join(folder, 'web.endpoints');
  const good = `127.0.0.1 ${origin}\n`;
  writeFileSync(path, good);
  const yaml = yamlOf('{ web: { port: 80, file: ./web.endpoints } }');
  const proxy = await startProxy(t, yaml, { folder });
  const port = proxy.port('Outbound interface');
  const agent = keepOne(t);
  const read = async () => {
    const { status } = await ask(port, '/', { headers: { host: 'web' }, agent });
    assert.equal(status, 200);
    const { body } = await ask(proxy.port('Admin interface'), '/endpoints');
    const [target] = (JSON.parse(body) as ShownEndpoints).targets;
    assert.equal(target.source, 'file');
    assert.equal(target.location, path);
    assert.deepEqual(
      target.endpoints.map(({ address, gate }) => `${address} ${gate}`),
      [`127.0.0.1:${origin} open`],
    );
    return target;
  };
  let seen = await read();
  assert.equal(seen.error, null);
  assert.notEqual(seen.ageMs, null);

  const refused = 'endpoints cannot be refreshed, the last good ones stay in use';
  for (const [spoil, reason] of [
    [() => writeFileSync(path, ''), /empty|no endpoints/],
    [() => writeFileSync(path, `127.0.0.1 ${origin}\n127.0.0.`), /:2/],
    [() => rmSync(path), /does not exist/],
  ] as const) {
    spoil();
    await proxy.untilSaid(new RegExp(`WARN .*${refused}.*${reason.source}`));
    const after = await read();
    assert.match(after.error ?? '', reason);
    assert.ok((after.ageMs ?? 0) > (seen.ageMs ?? 0), 'the age of the last good set grows');
    seen = after;
  }
  proxy.write(good, 'web.endpoints');
  await proxy.untilSaid('endpoints are confirmed again');
  assert.equal((await read()).error, null);
  const { headers, status } = await ask(port, '/', { headers: { host: 'nobody' }, agent });
  assert.deepEqual([status, headers['heddle-error']], [404, 'UNKNOWN_SERVICE']);
});
