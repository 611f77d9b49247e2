/**
 * What the index asks of a source of endpoints, and what a source tells it. Sources live in
 * `control/sources`; the index, which ranks below them, is given a function that opens one.
 */

import type { ResolvedEndpoint } from '../../api/discovery.ts';
import type { ServiceConfig, ServicePort } from './loaded-config.ts';

export type SourceConfig = ServiceConfig['source'];

export interface SourceListener {
  /** The whole set, confirmed now. Empty only when whoever knows has said so. */
  onEndpoints(endpoints: readonly ResolvedEndpoint[]): void;
  /** The newest attempt failed; what was told before stays good. */
  onError(reason: string): void;
}

export interface Source {
  /** After this the listener is not called any more. */
  close(): void;
}

export type OpenSource = (config: SourceConfig, listener: SourceListener) => Source;

/** Opens the endpoints of a service that a catalog knows by its name. */
export type OpenServicePort = (service: ServicePort, listener: SourceListener) => Source;

export interface SourceLog {
  info(message: string, fields?: Readonly<Record<string, string | number>>): void;
  warn(message: string, fields?: Readonly<Record<string, string | number>>): void;
}
