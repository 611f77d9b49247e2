/**
 * What the proxy reads and writes of its API; `api/gen/proxy` has code for these messages, and for
 * what is inside of them, and for no others. A name begins behind
 * `io.linkerd.proxy.` if it is one of Linkerd's.
 */

export const messagesRead: readonly string[] = [
  'destination.Update',
  'destination.DestinationProfile',
  'identity.CertifyResponse',
  'heddle.registry.v1.TrustResponse',
  'inbound.Server',
  'outbound.OutboundPolicy',
  'tap.ObserveRequest',
];

export const messagesWritten: readonly string[] = [
  'destination.GetDestination',
  'heddle.registry.v1.TrustRequest',
  'identity.CertifyRequest',
  'inbound.PortSpec',
  'outbound.TrafficSpec',
  'tap.TapEvent',
];
