/**
 * One address of a target: its connections, its slot in shared memory and the metric cells that
 * its requests count in, resolved once when the endpoint appears.
 */

import type { EndpointSnapshot, EndpointTraits } from '../../api/snapshot.ts';
import { type ErrorCode, errorTraits } from '../base/errors.ts';
import type { Exchange, ExchangeEndpoint } from '../http/exchange.ts';
import { GrpcCode, GrpcStatus } from '../http/grpc.ts';
import { Form } from '../http/head.ts';
import { OrigProto } from '../http/orig-proto.ts';
import type { Meter } from '../io/socket.ts';
import type { PoolEvents } from '../pool/pool-events.ts';
import { type PoolContext, Pools, type UpstreamVersion } from '../pool/pools.ts';
import { latencyBoundsMs } from '../telemetry/families.ts';
import { observe } from '../telemetry/registry.ts';
import { Transport } from '../tls/transport.ts';
import type { Core, DirectionName } from './core.ts';
import { transportOf } from './endpoint-transport.ts';
import { responseTo } from './respond.ts';

interface EndpointLabels {
  readonly direction: DirectionName;
  readonly authority: string;
  readonly namespace: string;
  readonly service: string;
}

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
  /** Why nothing may go to it: a sentence without its full stop; empty for no. */
  readonly refusal: string;
  /** Exchanges and tunnels of this thread that are under way. */
  inFlight = 0;

  readonly #core: Core;
  /** Its proxy makes HTTP/1 again of what says in HTTP/2 that it was. */
  readonly #restores: boolean;
  readonly #labels: Record<string, string>;
  readonly #requestCell: number;
  readonly #openCell: number;
  readonly #openTotalCell: number;
  readonly #closeCell: number;
  /** By status; the newest also by itself, because most endpoints answer alike. */
  readonly #responseCells = new Map<number, ResponseCells>();
  #lastOutcome = -1;
  #lastTotalCell = 0;
  #lastLatencyCell = 0;
  readonly #failureCells = new Map<ErrorCode, number>();
  readonly #dialFailureCells = new Map<ErrorCode, number>();

  constructor(core: Core, pools: PoolContext, snapshot: EndpointSnapshot, labels: EndpointLabels) {
    this.#core = core;
    this.host = snapshot.host;
    this.port = snapshot.port;
    this.address = `${snapshot.host}:${snapshot.port}`;
    this.slot = snapshot.slot;
    this.weight = snapshot.weight;
    this.traits = snapshot.traits;
    this.#labels = endpointLabels(snapshot, labels);
    const { registry } = core;
    const transport = { ...this.#labels, peer: 'dst' };
    this.meter = {
      readCell: registry.counter('tcp_read_bytes_total', transport),
      writeCell: registry.counter('tcp_write_bytes_total', transport),
    };
    this.#requestCell = registry.counter('request_total', this.#labels);
    this.#openCell = registry.gauge('tcp_open_connections', transport);
    this.#openTotalCell = registry.counter('tcp_open_total', transport);
    this.#closeCell = registry.counter('tcp_close_total', { ...transport, errno: '' });
    const { io, timers, settings, tls } = core;
    const hasIdentity = settings.identity !== '';
    this.transport = new Transport(
      { io, timers, connectTimeoutMs: settings.connectTimeoutMs, tls, hasIdentity },
      transportOf(snapshot, settings.outboundTransportMode),
      this.meter,
    );
    const mustProve = labels.direction === 'outbound' && settings.requireIdentity;
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
    const asHttp1 = version === 'kept' ? x.request.major === 1 : version === 'http1';
    const restored = this.#restores && asHttp1 && !x.request.upgrade;
    x.origProto = restored ? origProtoOf(x) : -1;
    this.pools.request(x, restored ? 'http2' : version);
  }

  /** It is over. */
  finish(): void {
    this.inFlight -= 1;
    this.#core.slots.end(this.slot);
  }

  countRequest(): void {
    this.#core.cells[this.#requestCell] += 1;
  }

  /** `grpcStatus` is one of GrpcCode or of GrpcStatus. */
  countResponse(status: number, grpcStatus: number, latencyMs: number): void {
    const { cells } = this.#core;
    const outcome = (status << outcomeBits) | (grpcStatus + 1);
    if (outcome !== this.#lastOutcome) this.#useOutcome(outcome);
    cells[this.#lastTotalCell] += 1;
    observe(cells, this.#lastLatencyCell, latencyBoundsMs, latencyMs);
  }

  countFailure(code: ErrorCode): void {
    let cell = this.#failureCells.get(code);
    if (cell === undefined) {
      cell = this.#core.registry.counter('response_total', {
        ...this.#labels,
        classification: 'failure',
        error: responseTo(code).label,
      });
      this.#failureCells.set(code, cell);
    }
    this.#core.cells[cell] += 1;
  }

  connected(): void {
    this.#core.slots.connectSucceeded(this.slot);
    this.opened();
  }

  /** True when it was for want of descriptors, and some have become free. */
  connectFailed(code: ErrorCode, detail: string): boolean {
    const { slots, log, freeDescriptors } = this.#core;
    if (this.transport.secure) this.#countDialFailure(code);
    log.warn('proxy', 'Failed to connect', {
      endpoint: this.address,
      error: code,
      reason: detail,
    });
    if (errorTraits[code].initiator !== 'local') {
      slots.connectFailed(this.slot);
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

  violated(text: string): void {
    this.#core.log.warn('proxy', 'Endpoint sent what it may not send', {
      endpoint: this.address,
      what: text,
    });
  }

  /** Gives the metric cells back; nothing is in flight and no connection is open. */
  release(): void {
    const { registry } = this.#core;
    registry.release(this.meter.readCell);
    registry.release(this.meter.writeCell);
    registry.release(this.#requestCell);
    registry.release(this.#openCell);
    registry.release(this.#openTotalCell);
    registry.release(this.#closeCell);
    for (const of of this.#responseCells.values()) {
      registry.release(of.total);
      registry.release(of.latency);
    }
    for (const cell of this.#failureCells.values()) registry.release(cell);
    for (const cell of this.#dialFailureCells.values()) registry.release(cell);
  }

  #useOutcome(outcome: number): void {
    let of = this.#responseCells.get(outcome);
    if (of === undefined) {
      of = this.#resolveResponse(outcome >> outcomeBits, (outcome & outcomeMask) - 1);
      this.#responseCells.set(outcome, of);
    }
    this.#lastOutcome = outcome;
    this.#lastTotalCell = of.total;
    this.#lastLatencyCell = of.latency;
  }

  #resolveResponse(status: number, grpcStatus: number): ResponseCells {
    const { registry } = this.#core;
    const labels = { ...this.#labels, status_code: String(status) };
    const failed = status >= 500 || grpcFailures.has(grpcStatus);
    return {
      total: registry.counter('response_total', {
        ...labels,
        classification: failed ? 'failure' : 'success',
        grpc_status: grpcLabel(grpcStatus),
        error: '',
      }),
      latency: registry.histogram('response_latency_ms', labels),
    };
  }
}

function grpcLabel(status: number): string {
  if (status === GrpcStatus.NONE) return '';
  return String(status === GrpcStatus.MISSING ? GrpcCode.UNKNOWN : status);
}

/** What Linkerd counts as failures. */
const grpcFailures: ReadonlySet<number> = new Set([
  GrpcCode.UNKNOWN,
  GrpcCode.DEADLINE_EXCEEDED,
  GrpcCode.PERMISSION_DENIED,
  GrpcCode.INTERNAL,
  GrpcCode.UNAVAILABLE,
  GrpcCode.DATA_LOSS,
]);
/** An outcome is a status and, in so many bits, a gRPC status and one. */
const outcomeBits = 5;
const outcomeMask = (1 << outcomeBits) - 1;

interface ResponseCells {
  readonly total: number;
  readonly latency: number;
}

const unproved = 'it proves no identity, and requireIdentity asks for one';

/**
 * A client that uses this proxy as one has the absolute form for it, and the endpoint gets the
 * other; for one that knows nothing of a proxy it is part of what has to be restored.
 */
function origProtoOf({ request, client }: Exchange): number {
  const isOld = request.major === 1 && request.minor === 0;
  const proto = isOld ? OrigProto.HTTP_1_0 : OrigProto.HTTP_1_1;
  const isWhole = request.form === Form.ABSOLUTE && client?.connection.fixedTarget != null;
  return isWhole ? proto + OrigProto.ABSOLUTE_FORM : proto;
}

function endpointLabels(
  snapshot: EndpointSnapshot,
  labels: EndpointLabels,
): Record<string, string> {
  const inbound = labels.direction === 'inbound';
  const target = {
    direction: labels.direction,
    target_addr: `${snapshot.host}:${snapshot.port}`,
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
