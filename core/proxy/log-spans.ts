/**
 * In what a line of the data path was logged, by Linkerd's names: made from what is known of a
 * connection or an endpoint when there is something to say, so that it costs nothing before.
 */

import type { LogSpan } from '../../api/messages.ts';
import type { Address, ProxySettings } from '../../api/settings.ts';
import { formatAddress } from '../discover/address-text.ts';
import type { ClientIdentity, Exchange } from '../http/exchange.ts';
import type { Conduit } from '../io/conduit.ts';
import type { DirectionName } from './core.ts';

/** Of the lines about connections of clients as such. */
export const serveTarget = 'heddle::proxy::serve';

/** Which direction a connection counts for, and whose it is. */
interface Parties {
  readonly direction: { readonly name: DirectionName; readonly core: { settings: ProxySettings } };
  /** Null in plaintext. */
  readonly identity: ClientIdentity | null;
}

/** A target, as far as lines name it. */
export interface SpanTarget {
  readonly key: string;
  readonly authority: string;
  readonly namespace: string;
  readonly service: string;
  readonly direction: DirectionName;
}

export function clientAddress({
  remoteHost,
  remotePort,
}: Pick<Conduit, 'remoteHost' | 'remotePort'>) {
  return formatAddress({ host: remoteHost, port: remotePort });
}

/** A connection of a client, whatever becomes of it. */
export function acceptSpans({ direction, identity }: Parties, client: string): LogSpan[] {
  // Applications of ours prove no identity: whoever does has come by the gateway.
  const isGateway = direction.name === 'outbound' && identity !== null;
  return [
    { name: isGateway ? 'inbound' : direction.name, level: 'info', target: 'heddle', fields: {} },
    { name: 'accept', level: 'debug', target: serveTarget, fields: { 'client.addr': client } },
  ];
}

/** A connection of a client, once it is known where it is going; null: each request says so. */
export function connectionSpans(
  parties: Parties,
  client: string,
  target: Pick<SpanTarget, 'key'> | null,
): LogSpan[] {
  const { name, core } = parties.direction;
  const spans = acceptSpans(parties, client);
  if (name === 'inbound') {
    spans.push(serverSpan(core.settings, target));
  } else if (parties.identity === null) {
    spans.push(proxySpan(core.settings, target));
  } else {
    spans.push(serverSpan(core.settings, null));
    const dst = target === null ? '' : keyValue(target.key);
    spans.push(infoSpan('gateway', { dst }));
  }
  return spans;
}

/** A request that the proxy answers by itself. */
export function rescueSpans(direction: Parties['direction'], x: Exchange): LogSpan[] {
  const { peer = '', identity = null, fixedTarget = null } = x.client?.connection ?? {};
  const target = fixedTarget as SpanTarget | null;
  return [
    ...connectionSpans({ direction, identity }, peer, target),
    { name: 'http', level: 'debug', target: 'heddle::proxy', fields: {} },
    infoSpan('rescue', { 'client.addr': peer }),
  ];
}

/** What is true of a service, for whichever client. */
export function serviceSpans(settings: ProxySettings, target: SpanTarget): LogSpan[] {
  const spans = directionSpans(settings, target);
  if (target.direction === 'outbound' && !isForward(target)) {
    const { namespace: ns, service: name, authority } = target;
    spans.push(
      infoSpan('service', { ns, name: name || hostOf(authority), port: portOf(authority) }),
    );
  }
  return spans;
}

/** What is true of one endpoint of a service, for whichever client. */
export function endpointSpans(
  settings: ProxySettings,
  target: SpanTarget,
  addr: string,
): LogSpan[] {
  const spans = serviceSpans(settings, target);
  if (target.direction === 'outbound') {
    spans.push(infoSpan(isForward(target) ? 'forward' : 'endpoint', { addr }));
  }
  return spans;
}

/** The address that connections to it were going to; empty where that is not known. */
export function serverAddress(target: Pick<SpanTarget, 'key'> | null): string {
  return target !== null && originalKey.test(target.key) ? keyValue(target.key) : '';
}

function directionSpans(settings: ProxySettings, target: SpanTarget): LogSpan[] {
  const { direction } = target;
  return [
    infoSpan(direction, {}, 'heddle'),
    direction === 'inbound' ? serverSpan(settings, target) : proxySpan(settings, target),
  ];
}

function proxySpan(settings: ProxySettings, target: Pick<SpanTarget, 'key'> | null): LogSpan {
  const isBound = target !== null && boundKey.test(target.key);
  const addr = isBound ? keyValue(target.key) : addressText(settings.outbound);
  return infoSpan(settings.ingressMode ? 'ingress' : 'proxy', { addr });
}

function serverSpan(settings: ProxySettings, target: Pick<SpanTarget, 'key'> | null): LogSpan {
  const original = serverAddress(target);
  const { inbound, inboundTo } = settings;
  const port = original === '' ? (inboundTo ?? inbound)?.port : portOf(original);
  return infoSpan('server', { port: port ?? 0 });
}

function infoSpan(name: string, fields: LogSpan['fields'], target = 'heddle::proxy'): LogSpan {
  return { name, level: 'info', target, fields };
}

/** Nobody knows a service there: it goes to that very address. */
function isForward({ key, namespace, service }: SpanTarget): boolean {
  return key.startsWith('addr:') && namespace === '' && service === '';
}

function addressText(address: Address | null): string {
  return address === null ? '' : formatAddress(address);
}

function keyValue(key: string): string {
  return key.slice(key.indexOf(':') + 1);
}

function hostOf(authority: string): string {
  return authority.replace(/:\d+$/, '');
}

function portOf(authority: string): number {
  return Number(/:(\d+)$/.exec(authority)?.[1] ?? 0);
}

const originalKey = /^(?:addr|inbound):./;
const boundKey = /^(?:addr|bind|sni):./;
