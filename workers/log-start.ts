/** The lines with which a proxy says that it has started, in Linkerd's order and words. */

import type { Address, ProxySettings } from '../api/settings.ts';
import { formatAddress } from '../control/model/address.ts';
import type { Logger } from '../core/telemetry/log.ts';
import type { ProxyIdentity } from './identity/proxy-identity.ts';

export function logStart(
  log: Logger,
  settings: ProxySettings,
  workers: number,
  identity: Pick<ProxyIdentity, 'sayName'> | null,
): void {
  const { admin, inbound, outbound, outboundSecond, binds, accept } = settings;
  const say = (what: string, address: Address | null): void => {
    if (address !== null) log.info('heddle', `${what} on ${formatAddress(address)}`);
  };
  say('Admin interface', admin);
  say('Inbound interface', inbound);
  say('Outbound interface', outbound);
  say('Outbound interface', outboundSecond);
  for (const { address, authority } of binds) say(`Service ${authority}`, address);
  identity?.sayName();
  log.info('heddle', 'ready', { workers, accept });
}
