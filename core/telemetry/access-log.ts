/**
 * One line for each exchange: in JSON with Linkerd's names, in what Linkerd calls Apache's format,
 * or in the common log format of web servers. The owner keeps `null` instead of an `AccessLog`
 * while it is off. Lines are passed on in batches: when 16 KiB have gathered, and whenever the
 * owner calls `flush` (once per tick).
 */

import { accessBatchChars, accessValueCharsMax } from '../base/limits.ts';
import { jsonLine } from './log-format.ts';

/** What is known at the end of an exchange; `''` where the peer said nothing. */
export interface AccessRecord {
  readonly clientHost: string;
  readonly clientPort: number;
  /** Verified identity of the client. */
  readonly clientId: string;
  /** Wall clock at the request's head. */
  readonly startWallMs: number;
  readonly method: string;
  readonly uri: string;
  /** For example `HTTP/1.1`. */
  readonly version: string;
  /** First of x-b3-traceid, x-request-id, x-amzn-trace-id. */
  readonly traceId: string;
  /** The content-length of the request. */
  readonly requestBytes: string;
  /** 0 when the exchange ended without a response. */
  readonly status: number;
  readonly responseBytes: number;
  /** From the request's head to the end of the response. */
  readonly totalMs: number;
  /** From the request's head to the response's head. */
  readonly processingMs: number;
  readonly userAgent: string;
  readonly host: string;
}

export class AccessLog {
  readonly #format: (record: AccessRecord) => string;
  readonly #sink: (lines: string) => void;
  #lines = '';

  constructor(format: keyof typeof formats, sink: (lines: string) => void) {
    this.#format = formats[format];
    this.#sink = sink;
  }

  log(record: AccessRecord): void {
    this.#lines += this.#format(record);
    if (this.#lines.length >= accessBatchChars) this.flush();
  }

  flush(): void {
    if (this.#lines === '') return;
    const lines = this.#lines;
    this.#lines = '';
    this.#sink(lines);
  }
}

function formatAccessJson(record: AccessRecord): string {
  return jsonLine({
    'client.addr': joinAddress(record.clientHost, record.clientPort),
    'client.id': record.clientId || '-',
    timestamp: new Date(record.startWallMs).toISOString(),
    method: cut(record.method),
    uri: cut(record.uri),
    version: record.version,
    trace_id: cut(record.traceId),
    request_bytes: record.requestBytes,
    status: record.status,
    response_bytes: record.responseBytes,
    total_ns: toNanos(record.totalMs),
    processing_ns: toNanos(record.processingMs),
    user_agent: cut(record.userAgent),
    host: cut(record.host),
  });
}

/** The client with its port, no count of bytes, and the time as in JSON. */
function formatAccessApache(record: AccessRecord): string {
  const client = joinAddress(record.clientHost, record.clientPort);
  return (
    `${client} ${record.clientId || '-'} - [${new Date(record.startWallMs).toISOString()}] ` +
    `"${requestText(record)}" ${statusText(record)}\n`
  );
}

/** `host ident user [day/month/year:time zone] "request" status bytes` */
function formatAccessCommon(record: AccessRecord): string {
  const bytes = record.responseBytes === 0 ? '-' : record.responseBytes;
  return (
    `${record.clientHost} ${record.clientId || '-'} - [${commonDate(record.startWallMs)}] ` +
    `"${requestText(record)}" ${statusText(record)} ${bytes}\n`
  );
}

function requestText(record: AccessRecord): string {
  return escapeCommon(`${cut(record.method)} ${cut(record.uri)} ${record.version}`);
}

function statusText({ status }: AccessRecord): string {
  return status === 0 ? '-' : String(status);
}

function commonDate(wallMs: number): string {
  const date = new Date(wallMs);
  const day = String(date.getUTCDate()).padStart(2, '0');
  const time = date.toISOString().slice(11, 19);
  return `${day}/${months[date.getUTCMonth()]}/${date.getUTCFullYear()}:${time} +0000`;
}

/** As Apache and nginx do it: bytes that could end the field or the line become `\xNN`. */
function escapeCommon(text: string): string {
  return Buffer.from(text).toString('latin1').replace(unsafeInCommon, hexEscape);
}

function hexEscape(char: string): string {
  if (char === '"' || char === '\\') return `\\${char}`;
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

function joinAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function toNanos(ms: number): string {
  return String(Math.round(ms * 1e6));
}

function cut(text: string): string {
  return text.length <= accessValueCharsMax ? text : text.slice(0, accessValueCharsMax);
}

const formats = {
  json: formatAccessJson,
  apache: formatAccessApache,
  common: formatAccessCommon,
} as const;
const unsafeInCommon = /["\\]|[^ -~]/g;
const months = [
  'Jan',
  'Feb',
  'Mar',
  'Apr',
  'May',
  'Jun',
  'Jul',
  'Aug',
  'Sep',
  'Oct',
  'Nov',
  'Dec',
] as const;
