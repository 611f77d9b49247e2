/** The address that is announced, in the API's form. Until identity exists it is on the loopback. */

import { create } from '@bufbuild/protobuf';
import { IPv6Schema, type TcpAddress, TcpAddressSchema } from '../../api/gen/control/net_pb.ts';
import type { Address } from '../../api/settings.ts';

/** `host` is 127.0.0.0/8 or ::1. */
export function loopbackTcpAddress({ host, port }: Address): TcpAddress {
  if (host === '::1') {
    const value = create(IPv6Schema, { first: 0n, last: 1n });
    return create(TcpAddressSchema, { ip: { ip: { case: 'ipv6', value } }, port });
  }
  const value = host.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  return create(TcpAddressSchema, { ip: { ip: { case: 'ipv4', value } }, port });
}
