/** Goal: the admin port answers as Linkerd's does. Method: a fixed view behind a real socket. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { systemClock } from '../core/base/clock.ts';
import { TimerWheel } from '../core/base/timers.ts';
import { type LogFilter, parseLogFilter } from '../core/telemetry/log-filter.ts';
import { TlsContexts } from '../core/tls/contexts.ts';
import { answerAdmin } from './admin.ts';
import type { AdminRequest, AdminResponse } from './admin-exchange.ts';
import { type AdminServer, createAdminServer } from './admin-server.ts';
import type { LogWatcher } from './log-output.ts';

let server: Server;
let admin: AdminServer;
let port = 0;
const timers = new TimerWheel(systemClock);
const state = {
  ready: true,
  filter: parseLogFilter('info').filter,
  hasLogs: true,
  watchers: new Set<LogWatcher>(),
  shutdowns: 0,
  enabled: false,
};

function answer(request: AdminRequest): Promise<AdminResponse> {
  const view = {
    notReady: () => (state.ready ? '' : 'it is starting'),
    readWatches: () => ({ watches: [] }),
    readIdentity: () => ({ state: 'off' }),
    renderMetrics: async () => ['a 1\n', '# EOF\n'],
    readConfig: () => ({ path: 'heddle.yaml' }),
    readEndpoints: () => ({ targets: [] }),
    readEnvironment: () => ({ PATH: '/bin', EMPTY: '', HEDDLE_TOKEN: 'secret' }),
    logs: state.hasLogs ? logs : null,
    shutdown: state.enabled ? shutDown : null,
  };
  return answerAdmin(view, request);
}

const logs = {
  readFilter: () => state.filter,
  setFilter(filter: LogFilter) {
    state.filter = filter;
  },
  watch(watcher: LogWatcher) {
    state.watchers.add(watcher);
    return () => void state.watchers.delete(watcher);
  },
};

function shutDown(): boolean {
  state.shutdowns += 1;
  return state.shutdowns === 1;
}

before(async () => {
  admin = createAdminServer({ clock: systemClock, timers, tls: new TlsContexts(), answer });
  server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    admin.accept(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});

after(() => {
  admin.close();
  server.close();
  timers.close();
});

/** Everything that the server answers to these bytes until it closes. */
async function exchange(bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.end(bytes, 'latin1');
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('latin1');
}

const rows: readonly (readonly [request: string, status: number, body: string])[] = [
  ['GET /live', 200, 'live\n'],
  ['POST /live', 200, 'live\n'],
  ['GET /ready', 200, 'ready\n'],
  ['GET /ready?x=1', 200, 'ready\n'],
  ['GET /metrics', 200, 'a 1\n# EOF\n'],
  ['GET /watches', 200, '{\n  "watches": []\n}\n'],
  ['GET /identity', 200, '{\n  "state": "off"\n}\n'],
  ['POST /identity', 405, ''],
  ['GET /config', 200, '{\n  "path": "heddle.yaml"\n}\n'],
  ['POST /config', 405, ''],
  ['GET /endpoints', 200, '{\n  "targets": []\n}\n'],
  ['GET /proxy-log-level', 200, '_access_log=off,info'],
  ['DELETE /proxy-log-level', 405, ''],
  ['GET /shutdown', 405, ''],
  ['POST /shutdown', 404, 'shutdown endpoint is not enabled\n'],
  ['GET /', 404, 'not found\n'],
];
for (const [request, status, body] of rows) {
  test(`${request} is answered ${status}`, async () => {
    const answer = await exchange(`${request} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const [head, shown] = answer.split('\r\n\r\n');
    assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.equal(shown, body);
    if (status === 405) assert.match(head, /allow: [A-Z]+/);
  });
}

test('not ready is 503', async () => {
  state.ready = false;
  const answer = await exchange('GET /ready HTTP/1.1\r\nHost: a\r\n\r\n');
  state.ready = true;
  assert.match(answer, /^HTTP\/1\.1 503 [\s\S]*\r\n\r\nnot ready: it is starting\n$/);
});

const environment: readonly (readonly [request: string, status: number, body: string])[] = [
  ['GET /env.json', 200, '{"PATH":"/bin","EMPTY":"","HEDDLE_TOKEN":"(not shown)"}'],
  ['GET /env.json?EMPTY&NONE', 200, '{"EMPTY":"","NONE":null}'],
  ['GET /env.json?toString&__proto__', 200, '{"toString":null,"__proto__":null}'],
  [
    'GET /env.json?PATH=x',
    400,
    '{"error":"env.json query parameters may not contain key-value pairs","status":400}',
  ],
  ['POST /env.json', 405, ''],
  ['GET /env.json?EMPTY Accept: text/html', 406, 'application/json'],
  ['GET /env.json?EMPTY Accept: text/html, application/*', 200, '{"EMPTY":""}'],
  ['GET /env.json?EMPTY Accept: */*;q=0.1', 200, '{"EMPTY":""}'],
  ['GET /logs.json', 400, '{"error":"Missing query string for log-streaming filter","status":400}'],
  [
    'GET /logs.json?loud',
    400,
    '{"error":"\\"loud\\" is no directive; expected level, target or target=level","status":400}',
  ],
  ['PUT /logs.json', 405, ''],
  ['GET /logs.json?info Accept: text/html', 406, 'application/json'],
  ['GET /debug/pprof/profile.pb.gz', 404, 'not found\n'],
];
for (const [request, status, body] of environment) {
  test(`${request} is answered ${status}`, async () => {
    const [, line, field = ''] = /^(\S+ \S+) ?(.*)$/.exec(request) ?? [];
    const fields = field === '' ? '' : `${field}\r\n`;
    const answer = await exchange(`${line} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`);
    const [head, shown] = answer.split('\r\n\r\n');
    assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.equal(shown, body);
  });
}

test('log lines are streamed by the filter of the query or of the body', async () => {
  for (const [request, text] of [
    ['GET /logs.json?warn,heddle%3D%69nfo HTTP/1.1\r\nHost: localhost\r\n\r\n', 'heddle=info,warn'],
    ['QUERY /logs.json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\ndebug', 'debug'],
  ]) {
    const socket = connect(port, '127.0.0.1');
    socket.write(request);
    const [head] = (await once(socket, 'data')) as [Buffer];
    assert.match(head.toString(), /^HTTP\/1\.1 200 OK\r\ncontent-type: application\/json\r\n/);
    const [watcher] = state.watchers;
    assert.equal(watcher.filter.text, text);
    watcher.onLine('{"level":"WARN"}\n');
    const [line] = (await once(socket, 'data')) as [Buffer];
    assert.equal(line.toString(), '11\r\n{"level":"WARN"}\n\r\n');
    socket.resetAndDestroy();
    state.watchers.clear();
  }
});

test('metrics are zipped for those who take it', async () => {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  assert.equal(response.headers.get('content-encoding'), 'gzip');
  assert.equal(await response.text(), 'a 1\n# EOF\n');
  const refused = await exchange(
    'GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip;q=0\r\n\r\n',
  );
  assert.doesNotMatch(refused, /content-encoding/);
  const raw = await exchange(
    'GET /metrics HTTP/1.0\r\nHost: a\r\nAccept-Encoding: br, gzip\r\n\r\n',
  );
  const body = Buffer.from(raw.slice(raw.indexOf('\r\n\r\n') + 4), 'latin1');
  assert.equal(gunzipSync(body).toString(), 'a 1\n# EOF\n');
});

test('the log level is not to be had where logging was off from the start', async () => {
  state.hasLogs = false;
  for (const path of ['/proxy-log-level', '/logs.json?info']) {
    const answer = await exchange(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 404 /);
  }
  state.hasLogs = true;
});

test('the log level is set by PUT, a wrong one is refused with the choices', async () => {
  const put = (body: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/proxy-log-level`, { method: 'PUT', body });
  assert.equal((await put('warn,linkerd=debug\n')).status, 204);
  assert.equal(state.filter.text, 'linkerd=debug,warn');
  const refused = await put('info,heddle=loud');
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /^"heddle=loud" is no directive; expected .*\n$/);
  assert.equal(state.filter.text, 'linkerd=debug,warn');
  assert.equal((await put('info')).status, 204);
});

test('shutdown works when enabled', async () => {
  state.enabled = true;
  const answer = await exchange('POST /shutdown HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 200 OK[\s\S]*shutdown\n$/);
  assert.equal(state.shutdowns, 1);
  const again = await exchange('POST /shutdown HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n');
  state.enabled = false;
  assert.match(again, /^HTTP\/1\.1 500 [\s\S]*\r\n\r\nshutdown listener dropped\n$/);
});

const forLoopback = [
  ['GET', '/config'],
  ['HEAD', '/config'],
  ['GET', '/endpoints'],
  ['GET', '/proxy-log-level'],
  ['PUT', '/proxy-log-level'],
  ['GET', '/logs.json'],
  ['QUERY', '/logs.json'],
  ['POST', '/shutdown'],
] as const;

for (const [method, path] of forLoopback) {
  test(`${method} ${path} is for the loopback, and not for a browser there`, async () => {
    const from = async (remoteHost: string): Promise<number> => {
      const field = (name: string): string => (name === 'host' ? '127.0.0.1:4191' : '');
      const { status, body } = await answer({
        method,
        path,
        field,
        query: null,
        body: 'info',
        remoteHost,
        identity: null,
      });
      if (status === 403) assert.equal(body, 'Requests are only permitted from localhost.');
      return status;
    };
    for (const host of ['10.1.2.3', '::ffff:10.1.2.3', 'fe80::1', '128.0.0.1', '']) {
      assert.equal(await from(host), 403, host);
    }
    for (const host of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1']) {
      assert.notEqual(await from(host), 403, host);
    }
    for (const fields of ['Host: rebound.example', 'Host: localhost\r\nOrigin: http://localhost']) {
      const refused = await exchange(`${method} ${path} HTTP/1.1\r\n${fields}\r\n\r\n`);
      assert.match(refused, /^HTTP\/1\.1 403 /);
    }
  });
}

test('whether it lives, is ready, and its metrics are for all who reach the port', async () => {
  for (const path of ['/live', '/ready', '/metrics', '/env.json']) {
    const rest = { query: null, field: () => '', body: '', remoteHost: '10.1.2.3', identity: null };
    const request = { method: 'GET', path, ...rest };
    assert.equal((await answer(request)).status, 200);
  }
});

test('pipelined requests are answered in order', async () => {
  const request = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const answer = await exchange(request('/live') + request('/ready') + request('/metrics'));
  assert.deepEqual(answer.match(/live|ready|EOF/g), ['live', 'ready', 'EOF']);
});

test('malformed and large requests are refused and closed', async () => {
  assert.equal(await exchange('nonsense\r\n\r\n'), '', 'that is no HTTP');
  assert.match(await exchange('GET nonsense HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400 /);
  assert.match(await exchange(`GET /${'a'.repeat(9000)} HTTP/1.1\r\n`), /^HTTP\/1\.1 400 /);
  const large = 'PUT /proxy-log-level HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n';
  assert.match(await exchange(large), /^HTTP\/1\.1 413 /);
});
