/** In what a line of the main thread was logged, by Linkerd's names. */

import type { LogSpan } from '../api/messages.ts';
import { formatAddress } from '../control/model/address.ts';
import type { Conduit } from '../core/io/conduit.ts';
import type { Logger } from '../core/telemetry/log.ts';

export type PlaneRole = 'dst' | 'policy' | 'identity';

const daemonSpans: readonly LogSpan[] = [spanOf('daemon')];

/** `server`: who certifies; empty where nobody is asked, or for what is no answer of its. */
export function identitySpans(server: string): LogSpan[] {
  const spans = [...daemonSpans, spanOf('identity')];
  if (server !== '') spans.push(spanOf('identity', { 'server.addr': server }));
  return spans;
}

/** What is asked of a control plane; `text` is its address as it was configured. */
export function controllerSpans(role: PlaneRole, text: string): LogSpan[] {
  const outer = role === 'identity' ? identitySpans(text) : [spanOf(role)];
  return [...outer, spanOf('controller', { addr: text })];
}

/** At one of its addresses. */
export function controllerEndpointSpans(role: PlaneRole, text: string, addr: string): LogSpan[] {
  return [...controllerSpans(role, text), spanOf('endpoint', { addr })];
}

/** Says how a connection to the admin port has ended; without an error it is debug. */
export function recordAdminClosed(
  log: Logger,
  listen: string,
  { remoteHost: host, remotePort: port }: Pick<Conduit, 'remoteHost' | 'remotePort'>,
  error: string,
): void {
  const level = error === '' ? 'debug' : 'info';
  if (!log.enabled(level, adminTarget)) return;
  const client = { 'client.addr': formatAddress({ host, port }) };
  const spans: LogSpan[] = [
    ...daemonSpans,
    spanOf('admin', { 'listen.addr': listen }),
    { name: 'accept', level: 'debug', target: adminTarget, fields: client },
  ];
  log[level](adminTarget, 'Connection closed', error === '' ? {} : { error, ...client }, spans);
}

function spanOf(name: string, fields: LogSpan['fields'] = {}): LogSpan {
  return { name, level: 'info', target: 'heddle', fields };
}

const adminTarget = 'heddle::admin';
