/** Metric cells that the requests of clients that are alike to one endpoint count in. */

import type { ErrorCode } from '../base/errors.ts';
import { GrpcCode, GrpcStatus } from '../http/grpc.ts';
import { latencyBoundsMs } from '../telemetry/families.ts';
import { observe, type Registry } from '../telemetry/registry.ts';
import { responseTo } from './respond.ts';

export class RequestCells {
  readonly #registry: Registry;
  readonly #labels: Readonly<Record<string, string>>;
  readonly #requestCell: number;
  /** By status; the newest also by itself, because most endpoints answer alike. */
  readonly #responseCells = new Map<number, ResponseCells>();
  #lastOutcome = -1;
  #lastTotalCell = 0;
  #lastLatencyCell = 0;
  readonly #failureCells = new Map<ErrorCode, number>();

  constructor(registry: Registry, labels: Readonly<Record<string, string>>) {
    this.#registry = registry;
    this.#labels = labels;
    this.#requestCell = registry.counter('request_total', labels);
  }

  countRequest(): void {
    this.#registry.cells[this.#requestCell] += 1;
  }

  /** `grpcStatus` is one of GrpcCode or of GrpcStatus. */
  countResponse(status: number, grpcStatus: number, latencyMs: number): void {
    const { cells } = this.#registry;
    const outcome = (status << outcomeBits) | (grpcStatus + 1);
    if (outcome !== this.#lastOutcome) this.#useOutcome(outcome);
    cells[this.#lastTotalCell] += 1;
    observe(cells, this.#lastLatencyCell, latencyBoundsMs, latencyMs);
  }

  countFailure(code: ErrorCode): void {
    let cell = this.#failureCells.get(code);
    if (cell === undefined) {
      cell = this.#registry.counter('response_total', {
        ...this.#labels,
        classification: 'failure',
        error: responseTo(code).label,
      });
      this.#failureCells.set(code, cell);
    }
    this.#registry.cells[cell] += 1;
  }

  /** Nothing counts in them any more. */
  release(): void {
    const registry = this.#registry;
    registry.release(this.#requestCell);
    for (const of of this.#responseCells.values()) {
      registry.release(of.total);
      registry.release(of.latency);
    }
    for (const cell of this.#failureCells.values()) registry.release(cell);
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
    const registry = this.#registry;
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
