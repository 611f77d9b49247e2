/** What an endpoint's traits say of how it is dialled. */

import type { ProxySettings } from '../../api/settings.ts';
import type { EndpointSnapshot } from '../../api/snapshot.ts';
import { hostEndOf } from '../http/authority.ts';
import type { TransportTraits } from '../tls/secure-dial.ts';

/**
 * Nothing but an identity leads to TLS: a port for the transport header alone does not say who
 * would have to be there. A gateway is dialled where it is, and told what is meant behind it.
 */
export function transportOf(
  { host, port, traits }: EndpointSnapshot,
  mode: ProxySettings['outboundTransportMode'],
): TransportTraits {
  if (traits === undefined || traits.identity === '') {
    return { address: { host, port }, identity: '', serverName: '', header: null };
  }
  const { identity, serverName, opaqueTransportPort, authorityOverride } = traits;
  const named = readOverride(authorityOverride);
  if (named !== null) return { address: { host, port }, identity, serverName, header: named };
  if (opaqueTransportPort === 0 || mode === 'transparent') {
    return { address: { host, port }, identity, serverName, header: null };
  }
  const address = { host, port: opaqueTransportPort };
  return { address, identity, serverName, header: { port, name: '' } };
}

/** What takes the place of Host and `:authority`; empty for none, and for what is no authority. */
export function readAuthorityOverride({ traits }: EndpointSnapshot): string {
  const text = traits?.authorityOverride ?? '';
  const bytes = Buffer.from(text, 'utf8');
  return hostEndOf(bytes, 0, bytes.length) < 0 ? '' : text;
}

/** `name:port`; null for anything else. */
function readOverride(authority: string): TransportTraits['header'] {
  const colon = authority.lastIndexOf(':');
  const port = Number(authority.slice(colon + 1));
  if (colon < 1 || !Number.isInteger(port) || port < 1 || port > portMax) return null;
  return { port, name: authority.slice(0, colon) };
}

const portMax = 65_535;
