/** One exchange of a client of `node:http2`, with everything that the server said. */

import type {
  ClientHttp2Session,
  IncomingHttpHeaders,
  IncomingHttpStatusHeader,
  OutgoingHttpHeaders,
} from 'node:http2';

interface Exchanged {
  readonly headers: IncomingHttpHeaders & IncomingHttpStatusHeader;
  readonly informational: readonly IncomingHttpHeaders[];
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
  readonly resetCode: number;
}

/** Resolves when the stream has closed, in whatever way. */
export function exchange(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: Buffer,
): Promise<Exchanged> {
  const stream = session.request(headers, { endStream: body === undefined });
  const informational: IncomingHttpHeaders[] = [];
  const parts: Buffer[] = [];
  let response: Exchanged['headers'] = {};
  let trailers: IncomingHttpHeaders = {};
  stream.on('headers', (head) => informational.push(head));
  stream.on('response', (head) => {
    response = head;
  });
  stream.on('data', (part: Buffer) => parts.push(part));
  stream.on('trailers', (fields) => {
    trailers = fields;
  });
  // A reset is an outcome too.
  stream.on('error', () => {});
  if (body !== undefined) stream.end(body);
  return new Promise((resolve) => {
    stream.on('close', () => {
      const resetCode = stream.rstCode ?? 0;
      resolve({
        headers: response,
        informational,
        body: Buffer.concat(parts),
        trailers,
        resetCode,
      });
    });
  });
}
