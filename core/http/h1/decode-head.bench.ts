/**
 * Goal: what one head of 1 KiB costs to decode, here and in llhttp. Method: the same bytes through
 * `decodeRequestHead` and through the llhttp binding of node:http, in turn, so many times a round
 * that the clock does not matter. llhttp hands over strings, ours offsets: each as its proxy would
 * use it. The argument is the number of rounds; a line of JSON for each figure goes to stdout.
 */

import { createRequire } from 'node:module';
import { headBytesMax, headFieldsMax } from '../../base/limits.ts';
import { Head } from '../head.ts';
import { decodeRequestHead } from './decode-head.ts';

const roundsAsked = Number(process.argv[2] ?? 5);
const bytes = Buffer.from(buildHead(1024), 'latin1');
const contestants = [
  { name: 'decode a request head of 1 KiB', decode: createOurs() },
  { name: 'llhttp (node:http), the same head', decode: createLlhttp() },
];

for (const { decode } of contestants) measureNanos(decode);
const values = contestants.map((): number[] => []);
for (let round = 0; round < roundsAsked; round++) {
  for (const [index, { decode }] of contestants.entries()) values[index].push(measureNanos(decode));
}
for (const [index, { name }] of contestants.entries()) {
  process.stdout.write(`${JSON.stringify({ name, nanos: values[index] })}\n`);
}

function measureNanos(decode: () => void): number {
  const calls = 50_000;
  const from = process.hrtime.bigint();
  for (let call = 0; call < calls; call++) decode();
  return Number(process.hrtime.bigint() - from) / calls;
}

function createOurs(): () => void {
  const head = new Head();
  const limits = { headBytesMax, headFieldsMax };
  return () => {
    const end = decodeRequestHead(bytes, 0, bytes.length, limits, head);
    if (end !== bytes.length) throw new Error(`not decoded: ${end}`);
  };
}

interface HttpParser {
  [callback: number]: unknown;
  initialize(kind: number, resource: object): void;
  execute(bytes: Buffer): number | Error;
}

interface HttpCommon {
  HTTPParser: (new () => HttpParser) & {
    REQUEST: number;
    kOnHeadersComplete: number;
    kOnMessageComplete: number;
  };
}

function createLlhttp(): () => void {
  const { HTTPParser }: HttpCommon = createRequire(import.meta.url)('node:_http_common');
  const parser = new HTTPParser();
  let fields = 0;
  parser[HTTPParser.kOnHeadersComplete] = (_major: number, _minor: number, list: string[]) => {
    fields = list.length;
    return 0;
  };
  parser[HTTPParser.kOnMessageComplete] = () => undefined;
  parser.initialize(HTTPParser.REQUEST, {});
  return () => {
    fields = 0;
    if (parser.execute(bytes) !== bytes.length || fields === 0) throw new Error('not decoded');
  };
}

/** A browser's request: a dozen usual fields and a cookie that fills it up. */
function buildHead(length: number): string {
  const lines = [
    'GET /account/orders?page=2&sort=date HTTP/1.1',
    'Host: web.default.svc.cluster.local',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'Accept-Language: en-GB,en;q=0.7,de;q=0.3',
    'Accept-Encoding: gzip, deflate, br, zstd',
    'Referer: http://web.default.svc.cluster.local/account',
    'Connection: keep-alive',
    'Cache-Control: no-cache',
    'X-Request-Id: 7f1c9a52-4d3e-4b6a-9c0f-2f3b1a6d8e74',
    'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    'Cookie: session=',
  ];
  const head = lines.join('\r\n');
  return `${head}${'x'.repeat(length - head.length - 4)}\r\n\r\n`;
}
