/**
 * A replica of the demo's `greeter`, which speaks gRPC. With `moody` every twentieth call ends with
 * UNAVAILABLE: the response is whole, and only its trailers say that it is a failure.
 */

import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { GrpcCode } from '../../core/http/grpc.ts';
import { serveApp } from './app.ts';
import { decodeMessage, encodeMessage, greetPath, messageBytesMax } from './greeting.ts';

const [, , port = '0', name = 'greeter', mood = 'steady'] = process.argv;
let calls = 0;

const server = createServer();
server.on('stream', (stream: ServerHttp2Stream, head: IncomingHttpHeaders) => {
  const parts: Buffer[] = [];
  let bytes = 0;
  stream.on('error', () => undefined);
  stream.on('data', (part: Buffer) => {
    bytes += part.length;
    if (bytes <= messageBytesMax) parts.push(part);
  });
  stream.on('end', () => {
    if (head[':path'] !== greetPath)
      answer(stream, GrpcCode.UNIMPLEMENTED, `there is ${greetPath}`);
    else if (bytes > messageBytesMax)
      answer(stream, GrpcCode.INVALID_ARGUMENT, 'the name is too long');
    else greet(stream, decodeMessage(Buffer.concat(parts)));
  });
});

serveApp(server, Number(port));

function greet(stream: ServerHttp2Stream, who: string | null): void {
  calls += 1;
  if (who === null || Buffer.byteLength(who) > nameBytesMax) {
    answer(stream, GrpcCode.INVALID_ARGUMENT, 'this is no GreetRequest');
  } else if (mood === 'moody' && calls % moodyCalls === 0) {
    answer(stream, GrpcCode.UNAVAILABLE, 'not now');
  } else {
    answer(stream, GrpcCode.OK, '', `Hello ${who === '' ? 'you' : who}, ${name} here.`);
  }
}

/** The status of a call comes behind its message, in the trailers. */
function answer(stream: ServerHttp2Stream, status: number, message: string, text?: string): void {
  if (stream.destroyed || stream.closed) return;
  const head = { ':status': 200, 'content-type': 'application/grpc' };
  stream.respond(head, { waitForTrailers: true });
  stream.on('wantTrailers', () => {
    stream.sendTrailers({ 'grpc-status': status, 'grpc-message': message });
  });
  stream.end(text === undefined ? undefined : encodeMessage(text));
}

/** With the words around it a name still fits a text. */
const nameBytesMax = 100;
const moodyCalls = 20;
