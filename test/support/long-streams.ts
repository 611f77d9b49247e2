/**
 * Streams that stay open while something happens to the mesh below them: an upgraded connection,
 * a stream of HTTP/2 and one of a database behind CONNECT, each echoing what it is sent; and their
 * servers, behind `heddle run`.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttp, request } from 'node:http';
import {
  connect as connectHttp2,
  createServer as createHttp2,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cleanUp } from './cleanup.ts';
import { type ProxyProcess, startCaller, startUp } from './process.ts';
import { controlOf, type RunProcess, runCommand, startRun } from './run-process.ts';

interface LongStreams {
  /** Of streams that ended or said something else. */
  readonly failures: readonly string[];
  readonly exchanges: number;
  stop(): Promise<void>;
}

interface EchoMesh {
  readonly up: ProxyProcess;
  readonly control: string;
  /** The file of a token for any service. */
  readonly token: string;
  /** Ports of the caller. */
  readonly outbound: number;
  readonly admin: number;
}

/** Services `web`, `h2` and `db`, which serve when it resolves. */
export async function startEchoes(
  t: TestContext,
  joining: readonly string[],
): Promise<RunProcess[]> {
  const web = createHttp((incoming, response) => {
    incoming.resume();
    response.end('ok');
  });
  web.on('upgrade', (_request, socket: Duplex) => {
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n',
    );
    echo(socket);
  });
  const h2 = createHttp2();
  h2.on('stream', (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200 });
    echo(stream);
  });
  const db = createServer({ allowHalfOpen: true }, echo);
  const servers = { web, h2, db } as const;
  const protocols = { web: 'http1', h2: 'http2', db: 'opaque' } as const;
  const names = ['web', 'h2', 'db'] as const;
  const runs = await Promise.all(
    names.map(async (name) => {
      const port = await listen(t, servers[name]);
      const named = ['--service', name, '--port', String(port), '--protocol', protocols[name]];
      return startRun(t, [...named, ...joining, '--', 'sleep', '300']);
    }),
  );
  cleanUp(t, () => Promise.all(runs.map(end)));
  for (const { events } of runs) await events.until(/^heddle: joined/);
  return runs;
}

/** A control plane, the services of `startEchoes`, and a caller that finds all of them. */
export async function startEchoMesh(t: TestContext): Promise<EchoMesh> {
  const up = await startUp(t, null);
  const control = controlOf(up);
  const token = join(up.folder, 'state/local.token');
  await startEchoes(t, ['--control', control, '--token-file', token]);
  const caller = await startCaller(t, control, token);
  for (const name of ['web', 'h2', 'db']) {
    await runCommand(['wait', name, '--control', control, '--timeout', '10s']);
  }
  const outbound = caller.port('Outbound interface');
  return { up, control, token, outbound, admin: caller.port('Admin interface') };
}

/** By the outbound listener at `port`. */
export async function startLongStreams(t: TestContext, port: number): Promise<LongStreams> {
  const opened = {
    upgraded: await upgrade(port),
    http2: openHttp2(t, port),
    tunnelled: await tunnel(port),
  };
  const failures: string[] = [];
  const stopping = new AbortController();
  let exchanges = 0;
  async function exchangeAll(name: string, stream: Duplex): Promise<void> {
    const heard = { text: '', isOver: false };
    stream.on('data', (bytes: Buffer) => {
      heard.text += bytes.toString();
    });
    stream.on('error', () => undefined);
    stream.on('close', () => {
      heard.isOver = true;
    });
    for (let turn = 0; !stopping.signal.aborted; turn++) {
      const expected = `${name} ${turn}\n`;
      heard.text = '';
      stream.write(expected);
      const isWaiting = () => heard.text !== expected && !heard.isOver && !t.signal.aborted;
      while (isWaiting()) await sleep(20);
      if (heard.text !== expected) {
        failures.push(`${name} ${heard.isOver ? 'ended' : 'is silent'} after ${turn} exchanges`);
        break;
      }
      exchanges += 1;
    }
    stream.destroy();
  }
  const running = Object.entries(opened).map(([name, stream]) => exchangeAll(name, stream));
  const stop = async (): Promise<void> => {
    stopping.abort();
    await Promise.all(running);
  };
  cleanUp(t, stop);
  return {
    failures,
    get exchanges() {
      return exchanges;
    },
    stop,
  };
}

function echo(stream: Duplex): void {
  stream.on('error', () => stream.destroy());
  stream.pipe(stream);
}

async function listen(t: TestContext, server: Server | ReturnType<typeof createHttp2>) {
  const open = new Set<Duplex>();
  server.on('connection', (socket: Duplex) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(t, () => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function end({ pid, ended }: RunProcess): Promise<void> {
  process.kill(pid, 'SIGTERM');
  await ended;
}

async function upgrade(port: number): Promise<Duplex> {
  const headers = { host: 'web', connection: 'upgrade', upgrade: 'echo' };
  const sent = request({ host: '127.0.0.1', port, headers, agent: false });
  sent.end();
  const [, socket] = (await once(sent, 'upgrade')) as [unknown, Duplex];
  return socket;
}

export async function tunnel(port: number): Promise<Duplex> {
  const options = { host: '127.0.0.1', port, method: 'CONNECT', path: 'db:80', agent: false };
  const sent = request(options);
  sent.end();
  const [response, socket] = (await once(sent, 'connect')) as [{ statusCode: number }, Duplex];
  assert.equal(response.statusCode, 200);
  return socket;
}

export function openHttp2(t: TestContext, port: number): Duplex {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  cleanUp(t, () => session.destroy());
  return session.request({ ':method': 'POST', ':path': '/', ':authority': 'h2' });
}
