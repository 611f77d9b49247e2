/** What one direction counts beside its endpoints; each cell is resolved once. */

import { statusField, statusWords } from '../../api/shared-memory.ts';
import type { ErrorCode, ProxyError } from '../base/errors.ts';
import type { Detected } from '../detect/detect.ts';
import type { Exchange } from '../http/exchange.ts';
import type { HandshakeFailure } from '../tls/handshake.ts';
import type { TransportHeader } from '../tls/transport-header.ts';
import type { Core, DirectionName } from './core.ts';
import { recordFailed } from './record-failed.ts';
import { responseTo } from './respond.ts';

/** Why a connection with a transport header was closed. */
export type DirectRefusal =
  | 'no_client_identity'
  | 'malformed'
  | 'timeout'
  | 'ended'
  | 'gateway'
  | 'port_not_declared'
  | 'own_port'
  | 'not_asked'
  | 'no_room'
  | 'undiscovered';

/** Why a connection was closed for where it was going. */
export type ArrivalRefusal = 'not_inbound_ip' | 'loop' | 'too_many_targets' | 'not_direct';

export class Counters {
  readonly #core: Core;
  readonly #name: DirectionName;
  readonly #inFlightCell: number;
  readonly #exchangesAt: number;
  readonly #errors = new Map<ErrorCode, readonly number[]>();
  readonly #cells = new Map<string, number>();

  constructor(core: Core, name: DirectionName) {
    this.#core = core;
    this.#name = name;
    const labels = { direction: name };
    this.#inFlightCell = core.registry.gauge('heddle_http_requests_in_flight', labels);
    const field = name === 'inbound' ? 'exchangesInbound' : 'exchangesOutbound';
    this.#exchangesAt = core.worker * statusWords + statusField[field];
  }

  /** Requests in flight, also for main, which waits for their end when the proxy drains. */
  readonly inFlight = (count: number): void => {
    this.#core.cells[this.#inFlightCell] = count;
    Atomics.store(this.#core.memory.status, this.#exchangesAt, count);
  };

  /** The proxy answered by itself. */
  readonly error = (x: Exchange, error: ProxyError): void => {
    let cells = this.#errors.get(error.code);
    if (cells === undefined) {
      cells = this.#errorCells(error.code);
      this.#errors.set(error.code, cells);
    }
    for (const cell of cells) this.#core.cells[cell] += 1;
    recordFailed({ name: this.#name, core: this.#core }, x, error);
  };

  readonly retried = (sentAgain: boolean): void => {
    const result = sentAgain ? 'sent' : 'refused';
    this.#add(`retry ${result}`, () =>
      this.#core.registry.counter('heddle_retries_total', { direction: this.#name, result }),
    );
  };

  /** What it was taken for; null when nothing told in time. */
  detected(what: Detected | null): void {
    const result = what === null ? 'read_timeout' : (detectLabels[what] ?? 'not_http');
    const family = `${this.#name}_tcp_detect_http_results_total` as const;
    this.#add(result, () => this.#core.registry.counter(family, { result }));
  }

  tcpError(code: ErrorCode): void {
    const family = `${this.#name}_tcp_errors_total` as const;
    const error = responseTo(code).label;
    this.#add(`tcp ${error}`, () => this.#core.registry.counter(family, { error }));
  }

  handshakeFailed(reason: HandshakeFailure): void {
    this.#add(`handshake ${reason}`, () =>
      this.#core.registry.counter('heddle_tls_handshake_failures_total', {
        direction: this.#name,
        reason,
      }),
    );
  }

  directed(session: TransportHeader['session'], port: number): void {
    this.#add(`directed ${session} ${port}`, () =>
      this.#core.registry.counter('inbound_tcp_transport_header_connections_total', {
        session_protocol: session === null ? '' : sessionLabels[session],
        target_port: String(port),
      }),
    );
  }

  directRefused(reason: DirectRefusal): void {
    this.#add(`direct ${reason}`, () =>
      this.#core.registry.counter('heddle_transport_header_refused_total', { reason }),
    );
  }

  arrivalRefused(reason: ArrivalRefusal): void {
    this.#add(`arrival ${reason}`, () =>
      this.#core.registry.counter('heddle_arrivals_refused_total', {
        direction: this.#name,
        reason,
      }),
    );
  }

  detectTimedOut(authority: string): void {
    this.#add(`timeout ${authority}`, () =>
      this.#core.registry.counter('heddle_detect_timeouts_total', {
        direction: this.#name,
        authority,
      }),
    );
  }

  serverFirst(authority: string): void {
    this.#add(`server first ${authority}`, () =>
      this.#core.registry.counter('heddle_detect_server_first_total', {
        direction: this.#name,
        authority,
      }),
    );
  }

  #add(key: string, resolve: () => number): void {
    let cell = this.#cells.get(key);
    if (cell === undefined) {
      cell = resolve();
      this.#cells.set(key, cell);
    }
    this.#core.cells[cell] += 1;
  }

  #errorCells(code: ErrorCode): readonly number[] {
    const { registry } = this.#core;
    const family = `${this.#name}_http_errors_total` as const;
    return [
      registry.counter(family, { error: responseTo(code).label }),
      registry.counter('heddle_errors_total', { direction: this.#name, code }),
    ];
  }
}

const sessionLabels = { http1: 'http/1', http2: 'http/2' } as const;
const detectLabels: Partial<Record<Detected, string>> = { HTTP1: 'http/1', HTTP2: 'http/2' };
