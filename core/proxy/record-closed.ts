/** Says that the connection of a client is over: an error tells why, an end like any is debug. */

import type { ErrorCode } from '../base/errors.ts';
import { errorTraits } from '../base/errors.ts';
import type { Conduit } from '../io/conduit.ts';
import type { LogFields } from '../telemetry/log-format.ts';
import type { ClientGroup } from './client-group.ts';
import {
  acceptSpans,
  clientAddress,
  connectionSpans,
  type SpanTarget,
  serverAddress,
  serveTarget,
} from './log-spans.ts';

type Client = Pick<Conduit, 'remoteHost' | 'remotePort'>;
type Meant = Pick<SpanTarget, 'key'> | null;

/** `error`: why, as a sentence without its full stop; `warn` where somebody can mend it. */
export function recordClosed(
  clients: ClientGroup,
  client: Client,
  target: Meant,
  error: string,
  more: LogFields = {},
  level: 'info' | 'warn' = 'info',
): void {
  const { log } = clients.direction.core;
  const address = clientAddress(client);
  const fields = closedFields(address, target, error, more);
  log[level](serveTarget, 'Connection closed', fields, acceptSpans(clients, address));
}

/** Why a connection is not taken at all. */
export function recordRefused(
  clients: ClientGroup,
  client: Client,
  target: Meant,
  error: string,
  more: LogFields = {},
): void {
  const { log } = clients.direction.core;
  const address = clientAddress(client);
  const fields = closedFields(address, target, error, more);
  const spans = connectionSpans(clients, address, target);
  log.info('heddle::proxy', 'Connection refused', fields, spans);
}

/** As any connection ends: most are never told, so that nothing is made for them. */
export function recordEnded(clients: ClientGroup, client: Client): void {
  const { log } = clients.direction.core;
  if (!log.enabled('debug', serveTarget)) return;
  log.debug(serveTarget, 'Connection closed', {}, acceptSpans(clients, clientAddress(client)));
}

/** A code as a sentence, with what exactly. */
export function explainCode(code: ErrorCode, detail = ''): string {
  const { summary } = errorTraits[code];
  return detail === '' ? summary : `${summary}: ${detail}`;
}

function closedFields(client: string, target: Meant, error: string, more: LogFields): LogFields {
  const server = serverAddress(target);
  return {
    error,
    'client.addr': client,
    ...(server !== '' && { 'server.addr': server }),
    ...more,
  };
}
