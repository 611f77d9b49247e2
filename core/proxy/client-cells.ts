/** Metric cells that the connections of clients that are alike count in, resolved once for all. */

import type { Meter } from '../io/socket.ts';
import type { Registry } from '../telemetry/registry.ts';
import type { DirectionName } from './core.ts';

/** Those of Linkerd that say how a client is connected. */
export interface ClientLabels {
  readonly tls: 'true' | 'no_identity' | 'opaque';
  readonly client_id?: string;
  readonly sni?: string;
  readonly no_tls_reason?: 'no_tls_from_remote' | 'loopback';
}

export class ClientCells implements Meter {
  readonly labels: ClientLabels;
  readonly readCell: number;
  readonly writeCell: number;
  readonly openCell: number;
  readonly openTotalCell: number;
  readonly closeCell: number;
  readonly #registry: Registry;

  constructor(registry: Registry, direction: DirectionName, labels: ClientLabels) {
    this.#registry = registry;
    this.labels = labels;
    const transport = { direction, peer: 'src', ...labels };
    this.readCell = registry.counter('tcp_read_bytes_total', transport);
    this.writeCell = registry.counter('tcp_write_bytes_total', transport);
    this.openCell = registry.gauge('tcp_open_connections', transport);
    this.openTotalCell = registry.counter('tcp_open_total', transport);
    this.closeCell = registry.counter('tcp_close_total', { ...transport, errno: '' });
  }

  /** Nothing counts in them any more. */
  release(): void {
    const registry = this.#registry;
    registry.release(this.readCell);
    registry.release(this.writeCell);
    registry.release(this.openCell);
    registry.release(this.openTotalCell);
    registry.release(this.closeCell);
  }
}
