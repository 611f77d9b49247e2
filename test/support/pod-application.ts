/**
 * The application of a pod, which says who calls it and what for: HTTP/1.1 and WebSocket on 8080,
 * HTTP/2 on 8081, gRPC on 8082, bytes sent back on 9000 and 4567, a greeting and then bytes sent
 * back on 9001 and 9003, datagrams on 9002. SIGTERM: each stream of bytes is ended behind its next answer;
 * everything else goes on until nobody has come for a while, and then it ends.
 */

import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { WebSocketServer } from 'ws';
import { echoService } from './pod-grpc.ts';

export function serve(say: (line: string) => void): void {
  const state: State = { isEnding: false, busyAt: 0 };
  const http = [createWeb(state), createHttp2(state)] as const;
  const rpc = serveGrpc(state);
  const tcp = [9000, 4567, 9001, 9003].map((port) => {
    return echoBytes(state, port > 9000).listen({ port, host: '::', backlog });
  });
  for (const [index, server] of http.entries()) {
    server.listen({ port: 8080 + index, host: '::', backlog });
  }
  const datagrams = createSocket('udp6');
  datagrams.on('message', (bytes, { address, port }) => {
    datagrams.send(`${String(bytes)} from ${address}`, port, address);
  });
  datagrams.bind(9002, '::', () => say('serving'));
  process.once('SIGTERM', () => {
    state.isEnding = true;
    state.busyAt = performance.now();
    setInterval(() => {
      if (performance.now() - state.busyAt < quietMs) return;
      rpc.forceShutdown();
      for (const server of [...http, ...tcp]) server.close();
      datagrams.close();
      process.exit();
    }, 20);
  });
}

interface State {
  isEnding: boolean;
  /** When somebody has asked for something last. */
  busyAt: number;
}

function createWeb(state: State) {
  const server = createServer({ keepAliveTimeout: 60_000 }, (incoming, response) => {
    state.busyAt = performance.now();
    const { host = '' } = incoming.headers;
    const caller = String(incoming.headers['l5d-client-id'] ?? 'nobody');
    const { remoteAddress = '' } = incoming.socket;
    response.end(`HTTP/1.1 ${host} ${incoming.url ?? ''} for ${caller} from ${remoteAddress}`);
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => socket.send(`WebSocket ${data.toString()}`));
  });
  return server;
}

function createHttp2(state: State) {
  return createHttp2Server((incoming, response) => {
    state.busyAt = performance.now();
    response.end(`HTTP/2 ${incoming.authority} from ${String(incoming.socket.remoteAddress)}`);
  });
}

function serveGrpc(state: State): grpc.Server {
  const server = new grpc.Server();
  const say: grpc.handleUnaryCall<string, string> = (call, done) => {
    state.busyAt = performance.now();
    done(null, `gRPC ${call.request} at ${call.getHost()}`);
  };
  server.addService(echoService, { say });
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
function answer(socket: Socket, state: State, text: string): void {
  state.busyAt = performance.now();
  if (state.isEnding) socket.end(`${text} bye`);
  else socket.write(text);
}

const backlog = 4096;
const quietMs = 500;
