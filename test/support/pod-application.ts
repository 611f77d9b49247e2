/**
 * The application of a pod, which says who calls it and what for: HTTP/1.1 and WebSocket on 8080,
 * HTTP/2 on 8081, gRPC on 8082, bytes sent back on 9000 and 4567, a greeting and then bytes sent
 * back on 9001, datagrams on 9002. SIGTERM: what runs is finished, each stream of bytes is ended
 * behind its next answer, and then it ends.
 */

import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { createServer as createHttp2Server, type Http2Session } from 'node:http2';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { WebSocketServer } from 'ws';
import { echoService } from './pod-grpc.ts';

export function serve(say: (line: string) => void): void {
  const state: State = { isEnding: false };
  const web = createWeb();
  const http2 = createHttp2();
  const tcp = [echoBytes(state, false), echoBytes(state, false), echoBytes(state, true)];
  web.server.listen(8080, '::');
  http2.server.listen(8081, '::');
  const rpc = serveGrpc();
  for (const [index, port] of [9000, 4567, 9001].entries()) {
    tcp[index]?.listen({ port, host: '::', backlog: 4096 });
  }
  const datagrams = createSocket('udp6');
  datagrams.on('message', (bytes, { address, port }) => {
    datagrams.send(`${String(bytes)} from ${address}`, port, address);
  });
  datagrams.bind(9002, '::', () => say('serving'));
  process.once('SIGTERM', () => {
    state.isEnding = true;
    web.end();
    http2.end();
    rpc.tryShutdown(() => {});
    for (const server of tcp) server.close();
    datagrams.close();
  });
}

interface State {
  isEnding: boolean;
}

function createWeb() {
  const server = createServer({ keepAliveTimeout: 60_000 }, (incoming, response) => {
    const { host = '' } = incoming.headers;
    const caller = String(incoming.headers['l5d-client-id'] ?? 'nobody');
    const { remoteAddress = '' } = incoming.socket;
    response.end(`HTTP/1.1 ${host} ${incoming.url ?? ''} for ${caller} from ${remoteAddress}`);
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    socket.on('message', (data) => socket.send(`WebSocket ${String(data)}`));
  });
  return { server, end: () => server.close() };
}

function createHttp2() {
  const sessions = new Set<Http2Session>();
  const server = createHttp2Server((incoming, response) => {
    response.end(`HTTP/2 ${incoming.authority} from ${String(incoming.socket.remoteAddress)}`);
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  const end = (): void => {
    server.close();
    for (const session of sessions) session.close();
  };
  return { server, end };
}

function serveGrpc(): grpc.Server {
  const server = new grpc.Server();
  server.addService(echoService, {
    say: (call: grpc.ServerUnaryCall<string, string>, done: grpc.sendUnaryData<string>): void =>
      done(null, `gRPC ${call.request} at ${call.getHost()}`),
  });
  server.bindAsync('[::]:8082', grpc.ServerCredentials.createInsecure(), () => {});
  return server;
}

function echoBytes(state: State, isFirst: boolean): Server {
  return createTcpServer((socket) => {
    socket.on('error', () => {});
    const { remoteAddress = '', localAddress = '' } = socket;
    if (isFirst) socket.write(`220 ${localAddress} speaks first`);
    socket.on('data', (bytes) => {
      answer(socket, state, `${String(bytes)} from ${remoteAddress} at ${localAddress}`);
    });
  });
}

/** Behind `bye` a client has to connect anew. */
function answer(socket: Socket, { isEnding }: State, text: string): void {
  if (isEnding) socket.end(`${text} bye`);
  else socket.write(text);
}
