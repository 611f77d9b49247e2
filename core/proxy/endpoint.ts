/**
 * One address of a target: its connections, its slot in shared memory and the metric cells that
 * its requests count in, resolved once when the endpoint appears.
 */

import type { LogSpan } from '../../api/messages.ts';
import type { EndpointSnapshot, EndpointTraits } from '../../api/snapshot.ts';
import { type ErrorCode, errorTraits } from '../base/errors.ts';
import { explainSystemError } from '../base/node-error.ts';
import { formatAddress } from '../discover/address-text.ts';
import type { ClientIdentity, Exchange, ExchangeEndpoint } from '../http/exchange.ts';
import { Form } from '../http/head.ts';
import { OrigProto } from '../http/orig-proto.ts';
import type { Meter, Socket } from '../io/socket.ts';
import type { PoolEvents } from '../pool/pool-events.ts';
import { type PoolContext, Pools, type UpstreamVersion } from '../pool/pools.ts';
import { Transport } from '../tls/transport.ts';
import type { ClientCells } from './client-cells.ts';
import type { ClientGroup } from './client-group.ts';
import type { Core } from './core.ts';
import { recordDistrusted } from './distrusted.ts';
import { readAuthorityOverride, transportOf } from './endpoint-transport.ts';
import { endpointSpans, type SpanTarget } from './log-spans.ts';
import { RequestCells } from './request-cells.ts';

export class Endpoint implements ExchangeEndpoint, PoolEvents {
  readonly host: string;
  readonly port: number;
  readonly address: string;
  readonly slot: number;
  readonly weight: number;
  readonly traits: EndpointTraits | undefined;
  readonly transport: Transport;
  readonly pools: Pools;
  readonly meter: Meter;
  /** Who requests are for at this endpoint, whatever they say themselves; empty for that. */
  readonly authorityOverride: string;
  /** Why nothing may go to it: a sentence without its full stop; empty for no. */
  readonly refusal: string;
  /** Exchanges and tunnels of this thread that are under way. */
  inFlight = 0;

  readonly #core: Core;
  readonly #origin: SpanTarget;
  /** Its proxy makes HTTP/1 again of what says in HTTP/2 that it was. */
  readonly #restores: boolean;
  readonly #labels: Record<string, string>;
  readonly #requests: RequestCells;
  /** Of clients that have proved an identity. */
  readonly #requestsOf = new Map<ClientCells, RequestCells>();
  readonly #openCell: number;
  readonly #openTotalCell: number;
  readonly #closeCell: number;
  readonly #dialFailureCells = new Map<ErrorCode, number>();

  constructor(core: Core, pools: PoolContext, snapshot: EndpointSnapshot, origin: SpanTarget) {
    this.#core = core;
    this.#origin = origin;
    this.host = snapshot.host;
    this.port = snapshot.port;
    this.address = formatAddress(snapshot);
    this.slot = snapshot.slot;
    this.weight = snapshot.weight;
    this.traits = snapshot.traits;
    this.authorityOverride = readAuthorityOverride(snapshot);
    this.#labels = endpointLabels(snapshot, origin);
    const { registry } = core;
    const transport = { ...this.#labels, peer: 'dst' };
    this.meter = {
      readCell: registry.counter('tcp_read_bytes_total', transport),
      writeCell: registry.counter('tcp_write_bytes_total', transport),
    };
    this.#requests = new RequestCells(registry, requestLabels(this.#labels));
    this.#openCell = registry.gauge('tcp_open_connections', transport);
    this.#openTotalCell = registry.counter('tcp_open_total', transport);
    this.#closeCell = registry.counter('tcp_close_total', { ...transport, errno: '' });
    const { io, timers, settings, tls, tuneConnected: tune } = core;
    const hasIdentity = settings.identity !== '';
    this.transport = new Transport(
      { io, timers, connectTimeoutMs: settings.connectTimeoutMs, tls, hasIdentity, tune },
      transportOf(snapshot, settings.outboundTransportMode),
      this.meter,
    );
    const mustProve = origin.direction === 'outbound' && settings.requireIdentity;
    this.refusal = mustProve && !this.transport.secure ? unproved : '';
    this.#restores = this.transport.secure && snapshot.traits?.protocolHint === 'h2';
    this.pools = new Pools(pools, this.address, this.transport, this);
  }

  /** A request or tunnel goes to this endpoint. */
  start(): void {
    this.inFlight += 1;
    this.#core.slots.start(this.slot);
  }

  /**
   * Hands a request to a connection. What comes by HTTP/1 shares those of HTTP/2 where the
   * endpoint's proxy restores it; an upgrade needs a connection of its own.
   */
  send(x: Exchange, version: UpstreamVersion): void {
    const { major, upgrade } = x.request;
    const restored = !upgrade && this.#isRestored(version, major === 2);
    x.origProto = restored ? origProtoOf(x) : -1;
    this.pools.request(x, restored ? 'http2' : version);
  }

  /**
   * Takes over a connection that was dialled before it was known to be for a client of HTTP; false
   * when it is of no use for that.
   */
  adopt(socket: Socket, version: UpstreamVersion, clientHttp2: boolean): boolean {
    const restored = this.#isRestored(version, clientHttp2);
    const adopted = this.pools.adopt(socket, restored ? 'http2' : version, clientHttp2);
    if (adopted) this.opened();
    return adopted;
  }

  #isRestored(version: UpstreamVersion, clientHttp2: boolean): boolean {
    return this.#restores && (version === 'kept' ? !clientHttp2 : version === 'http1');
  }

  /** It is over. */
  finish(): void {
    this.inFlight -= 1;
    this.#core.slots.end(this.slot);
  }

  /** Where requests of a client count that has this identity; null for one in plaintext. */
  requestsOf(identity: ClientIdentity | null): RequestCells {
    if (identity === null) return this.#requests;
    const { cells } = identity as ClientGroup;
    return this.#requestsOf.get(cells) ?? this.#addRequests(cells);
  }

  connected(): void {
    this.#core.slots.connectSucceeded(this.slot);
    this.opened();
  }

  /** True when it was for want of descriptors, and some have become free. */
  connectFailed(code: ErrorCode, detail: string): boolean {
    const { slots, log, freeDescriptors, connectBackoff } = this.#core;
    if (this.transport.secure) this.#countDialFailure(code);
    const error = `endpoint ${this.address}: ${explainSystemError(detail)}`;
    log.warn('heddle::proxy::reconnect', 'Failed to connect', { error, code }, this.#spans);
    if (errorTraits[code].initiator !== 'local') {
      slots.connectFailed(this.slot, connectBackoff);
      return false;
    }
    // The endpoint was not even asked.
    slots.releasePermit(this.slot);
    return code !== 'NOT_CERTIFIED' && freeDescriptors();
  }

  #countDialFailure(code: ErrorCode): void {
    let cell = this.#dialFailureCells.get(code);
    if (cell === undefined) {
      const { authority = '', server_id = '' } = this.#labels;
      const labels = { authority, server_id, code };
      cell = this.#core.registry.counter('heddle_tls_dial_failures_total', labels);
      this.#dialFailureCells.set(code, cell);
    }
    this.#core.cells[cell] += 1;
  }

  opened(): void {
    this.#core.cells[this.#openCell] += 1;
    this.#core.cells[this.#openTotalCell] += 1;
  }

  closed(): void {
    this.#core.cells[this.#openCell] -= 1;
    this.#core.cells[this.#closeCell] += 1;
  }

  distrusted(): void {
    const { direction } = this.#origin;
    const parties = { endpoint: this.address };
    const labels = { direction, peer: 'dst', carried: 'http' } as const;
    recordDistrusted(this.#core, labels, parties, this.#spans);
  }

  violated(text: string): void {
    const fields = { endpoint: this.address, what: text };
    const message = 'Endpoint sent what it may not send';
    this.#core.log.warn('heddle::proxy', message, fields, this.#spans);
  }

  get #spans(): LogSpan[] {
    return endpointSpans(this.#core.settings, this.#origin, this.address);
  }

  /** Gives the metric cells back; nothing is in flight and no connection is open. */
  release(): void {
    const { registry } = this.#core;
    registry.release(this.meter.readCell);
    registry.release(this.meter.writeCell);
    this.#requests.release();
    registry.release(this.#openCell);
    registry.release(this.#openTotalCell);
    registry.release(this.#closeCell);
    for (const cell of this.#dialFailureCells.values()) registry.release(cell);
    for (const cells of this.#requestsOf.values()) cells.release();
    this.#requestsOf.clear();
  }

  /** Those clients are known no more. */
  forget(cells: ClientCells): void {
    this.#requestsOf.get(cells)?.release();
    this.#requestsOf.delete(cells);
  }

  #addRequests(cells: ClientCells): RequestCells {
    const { no_tls_reason: _, ...labels } = this.#labels;
    const requests = new RequestCells(this.#core.registry, { ...labels, ...cells.labels });
    this.#requestsOf.set(cells, requests);
    return requests;
  }
}

const unproved = 'it proves no identity, and requireIdentity asks for one';

/**
 * A client that uses this proxy as one has the absolute form for it, and the endpoint gets the
 * other; for one that knows nothing of a proxy it is part of what has to be restored.
 */
function origProtoOf({ request, client }: Exchange): number {
  const isOld = request.major === 1 && request.minor === 0;
  const proto = isOld ? OrigProto.HTTP_1_0 : OrigProto.HTTP_1_1;
  const { form } = request;
  const isFixed = client?.connection.fixedTarget != null;
  const isWhole = form === Form.WHOLE || (form === Form.ABSOLUTE && isFixed);
  return isWhole ? proto + OrigProto.ABSOLUTE_FORM : proto;
}

function endpointLabels(snapshot: EndpointSnapshot, labels: SpanTarget): Record<string, string> {
  const inbound = labels.direction === 'inbound';
  const target = {
    direction: labels.direction,
    target_addr: formatAddress(snapshot),
    target_ip: snapshot.host,
    target_port: String(snapshot.port),
  };
  if (inbound) return { ...target, tls: 'no_identity', no_tls_reason: 'loopback' };
  const identity = snapshot.traits?.identity ?? '';
  return {
    ...target,
    authority: labels.authority,
    ...(identity === ''
      ? { tls: 'no_identity', no_tls_reason: 'not_provided_by_service_discovery' }
      : { tls: 'true', server_id: identity }),
    dst_namespace: labels.namespace,
    dst_service: labels.service,
    ...(snapshot.zone === '' ? {} : { dst_zone: snapshot.zone }),
  };
}

/** Who sends the requests of plaintext clients is not known, though the application is local. */
function requestLabels(labels: Record<string, string>): Record<string, string> {
  if (labels.direction !== 'inbound') return labels;
  return { ...labels, no_tls_reason: 'no_tls_from_remote' };
}
