/**
 * Load from a pod: `pod-load.ts IP CLIENTS [KIND ...]` keeps CLIENTS kept connections of HTTP/1.1
 * on 8080, as many streams at a time of one connection of HTTP/2 on 8081, and as many streams of
 * bytes on 9001 (`pod-application.ts`), or only those of a kind, busy until its parent says `stop`,
 * and tells it how it goes by messages.
 */

import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a parent is told. */
export interface LoadReport {
  readonly answered: Readonly<Record<Kind, number>>;
  /** One line for each exchange without its answer: the kind, the number of the client, and why. */
  readonly failures: readonly string[];
  /** Connections of bytes that the application has ended in order. */
  readonly byes: number;
  readonly isOver: boolean;
}

export type Kind = 'http1' | 'http2' | 'bytes';

const [host, clients, ...chosen] = process.argv.slice(2);
const name = host.includes(':') ? `[${host}]` : host;
const answered = { http1: 0, http2: 0, bytes: 0 };
const failures: string[] = [];
const stopping = new AbortController();
/** Between two exchanges: it is what happens to them that matters, not how many they are. */
const pauseMs = 10;
let byes = 0;
let session: ClientHttp2Session | null = null;

async function repeat(kind: Kind, id: number, exchange: () => Promise<string>): Promise<void> {
  while (!stopping.signal.aborted) {
    try {
      const problem = await exchange();
      if (problem === '') answered[kind] += 1;
      else failures.push(`${kind} ${id} ${problem}`);
    } catch (error) {
      failures.push(`${kind} ${id} ${String(error)}`);
    }
    await sleep(pauseMs);
  }
}

async function keepHttp1(id: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await repeat('http1', id, async () => {
    const body = `body ${answered.http1}`;
    const sent = request({ host, port: 8080, agent, method: 'POST', headers: { host: 'web' } });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const heard = await text(response);
    if (response.statusCode === 200 && heard.startsWith('HTTP/1.1 web')) return '';
    return `${response.statusCode} ${String(response.headers['l5d-proxy-error'])} ${heard}`;
  });
  agent.destroy();
}

/** A connection that has been told to go finishes its streams, and the next one is another. */
function currentSession(): ClientHttp2Session {
  if (session !== null && !session.closed && !session.destroyed) return session;
  const opened = connectHttp2(`http://${name}:8081`);
  const forget = (): void => {
    if (session === opened) session = null;
  };
  opened.on('error', (error) => failures.push(`http2 connection ${error.message}`));
  opened.on('goaway', forget);
  opened.on('close', forget);
  session = opened;
  return opened;
}

async function keepHttp2(id: number): Promise<void> {
  await repeat('http2', id, async () => {
    const stream = currentSession().request({ ':path': '/', ':authority': 'web' });
    const [headers] = (await once(stream, 'response')) as [{ ':status'?: number }];
    const heard = await text(stream);
    return headers[':status'] === 200 ? '' : `${headers[':status']} ${heard}`;
  });
}

async function keepBytes(id: number): Promise<void> {
  let socket: Socket | null = null;
  await repeat('bytes', id, async () => {
    const open = socket ?? (await greeted());
    socket = null;
    if (open.destroyed || open.readableEnded) return howEnded(open);
    const words = `{${answered.bytes}}`;
    open.write(words);
    const heard = await nextBytes(open);
    if (heard.endsWith(' bye')) {
      byes += 1;
      open.end();
    } else if (heard !== '') socket = open;
    return heard.startsWith(words) ? '' : `"${heard}" for "${words}", ${howEnded(open)}`;
  });
  (socket as Socket | null)?.destroy();
}

/** By an error, as a reset is, or as if all were well. */
function howEnded({ errored }: Socket): string {
  return errored === null ? 'ended' : String(errored);
}

async function greeted(): Promise<Socket> {
  const socket = connect(9001, host);
  socket.on('error', () => {});
  const heard = await nextBytes(socket);
  if (heard.startsWith('220 ')) return socket;
  socket.destroy();
  throw new Error(`no greeting but "${heard}"`);
}

/** '' when the other side has ended. */
async function nextBytes(socket: Socket): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const settle = (bytes?: Buffer): void => resolve(String(bytes ?? ''));
  socket.once('data', settle).once('end', settle).once('error', reject);
  try {
    return await promise;
  } finally {
    socket.off('data', settle).off('end', settle).off('error', reject);
  }
}

function report(isOver: boolean): void {
  const message: LoadReport = { answered, failures, byes, isOver };
  process.send?.(message);
}

process.once('message', () => stopping.abort());
const telling = setInterval(() => report(false), 50);
const kinds = Object.entries({ http1: keepHttp1, http2: keepHttp2, bytes: keepBytes })
  .filter(([kind]) => chosen.length === 0 || chosen.includes(kind))
  .map(([, keep]) => keep);
await Promise.all(
  kinds.flatMap((kind) => Array.from({ length: Number(clients) }, (_, id) => kind(id))),
);
clearInterval(telling);
(session as ClientHttp2Session | null)?.close();
report(true);
process.disconnect?.();
