/** Says which request the proxy answered by itself, and why, with the words of Linkerd's lines. */

import type { ErrorCode, ProxyError } from '../base/errors.ts';
import { errorTraits } from '../base/errors.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Head } from '../http/head.ts';
import type { Core, DirectionName } from './core.ts';
import { rescueSpans } from './log-spans.ts';
import { responseTo } from './respond.ts';

export function recordFailed(
  direction: { readonly name: DirectionName; readonly core: Core },
  x: Exchange,
  error: ProxyError,
): void {
  const { log } = direction.core;
  const { code } = error;
  const isNew = !isKnown(code);
  if (!log.enabled(isNew ? 'warn' : 'info', respondTarget)) return;
  const { request } = x;
  const spans = rescueSpans(direction, x);
  const protocol = x.isGrpc ? 'gRPC' : `HTTP/${request.major}.${request.minor}`;
  const said = asLinkerdSays(code, error.message);
  const path = pathOf(request);
  const fields = { error: said, code, ...(path !== '' && { path }) };
  log.info(respondTarget, `${protocol} request failed`, fields, spans);
  if (isNew) log.warn(respondTarget, 'Unexpected error', { error: said, code }, spans);
}

/** Without its query, which may hold what is nobody's business; empty where none was understood. */
function pathOf({ bytes, pathStart, targetEnd }: Head): string {
  if (pathStart === -1) return '';
  const [path] = bytes.toString('latin1', pathStart, targetEnd).split('?', 1);
  return path;
}

/** In front of our own sentence, so that both are found. */
export function asLinkerdSays(code: ErrorCode, text: string): string {
  const words = linkerdWords[code];
  return words === undefined ? text : `${words}: ${text}`;
}

/** Something that the table of answers has no kind for, and no client has caused. */
function isKnown(code: ErrorCode): boolean {
  const { label } = responseTo(code);
  return label !== 'unexpected' || errorTraits[code].initiator === 'client' || code === 'LOOP';
}

const respondTarget = 'heddle::proxy::respond';
const linkerdWords: Partial<Record<ErrorCode, string>> = {
  FAILFAST: 'service in fail-fast',
  DISCOVERY_TIMEOUT: 'service in fail-fast',
  LOAD_SHED: 'service unavailable',
  QUEUE_FULL: 'service unavailable',
};
