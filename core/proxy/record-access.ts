/** Writes the access log at the end of each exchange; in the list only when it is switched on. */

import type { ProxyError } from '../base/errors.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Head } from '../http/head.ts';
import { Layer } from '../stack/layer.ts';
import type { AccessLog } from '../telemetry/access-log.ts';
import type { Core } from './core.ts';

export class RecordAccess extends Layer<Exchange> {
  readonly #core: Core;
  readonly #log: AccessLog;

  constructor(core: Core, log: AccessLog) {
    super();
    this.#core = core;
    this.#log = log;
  }

  /** The head may be gone when the exchange ends. */
  override request(x: Exchange): void {
    x.request.hold();
    this.next.request(x);
  }

  override cancel(x: Exchange): void {
    this.#record(x);
    this.next.cancel(x);
  }

  override end(x: Exchange): void {
    this.#record(x);
    this.prev.end(x);
  }

  override fail(x: Exchange, error: ProxyError): void {
    this.#record(x);
    this.prev.fail(x, error);
  }

  #record(x: Exchange): void {
    const { request } = x;
    const nowMs = this.#core.clock.monotonicMs();
    const peer = x.client?.connection.peer ?? '';
    const colon = peer.lastIndexOf(':');
    this.#log.log({
      clientHost: peer.slice(0, colon),
      clientPort: Number(peer.slice(colon + 1)),
      clientId: x.client?.connection.identity?.name ?? '',
      startWallMs: this.#core.clock.wallMs() - (nowMs - x.startedMs),
      method: request.bytes.toString('latin1', request.methodStart, request.methodEnd),
      uri: request.bytes.toString('latin1', request.targetStart, request.targetEnd),
      version: `HTTP/${request.major}.${request.minor}`,
      traceId: firstOf(request, traceFields),
      requestBytes: fieldOf(request, 'content-length'),
      status: x.status,
      responseBytes: x.responseBytes,
      totalMs: nowMs - x.startedMs,
      processingMs: Math.max(0, x.respondedMs - x.startedMs),
      userAgent: fieldOf(request, 'user-agent'),
      host: request.authority(),
    });
  }
}

function fieldOf(head: Head, name: string): string {
  const index = head.find(name);
  return index === -1 ? '' : head.valueOf(index);
}

function firstOf(head: Head, names: readonly string[]): string {
  for (const name of names) {
    const value = fieldOf(head, name);
    if (value !== '') return value;
  }
  return '';
}

const traceFields = ['x-b3-traceid', 'x-request-id', 'x-amzn-trace-id'];
