/** The lines by which a proxy says what it is and where it listens, in the words of Linkerd. */

import type { Address, ProxySettings } from '../api/settings.ts';
import { formatAddress } from '../control/model/address.ts';
import { version } from '../core/base/version.ts';
import type { Logger } from '../core/telemetry/log.ts';

/** Before anything can fail. */
export function logRelease(log: Logger, workers: number): void {
  log.info('heddle', `release ${version} by heddle`);
  if (workers <= 1) log.info('heddle::rt', 'Using single-threaded proxy runtime');
  else log.info('heddle::rt', 'Using multi-threaded proxy runtime', { cores: workers });
}

export function logInterfaces(log: Logger, settings: ProxySettings): void {
  const say = (what: string, address: Address | null): void => {
    if (address !== null) log.info('heddle', `${what} on ${formatAddress(address)}`);
  };
  say('Admin interface', settings.admin);
  say('Inbound interface', settings.inbound);
  say('Outbound interface', settings.outbound);
  say('Outbound interface', settings.outboundSecond);
  for (const { address, authority } of settings.binds) say(`Service ${authority}`, address);
  log.info('heddle', 'Tap DISABLED');
}

/** After the lines of `logInterfaces` and those of the identity. */
export function logDestinations(log: Logger, settings: ProxySettings, configPath: string): void {
  const { control, controlServerName } = settings;
  const who = controlServerName === '' ? '' : ` (${controlServerName})`;
  log.info('heddle', `Destinations resolved via ${control === '' ? configPath : control + who}`);
}

/** Traffic is accepted. */
export function logReady(log: Logger, { accept }: ProxySettings, workers: number): void {
  log.info('heddle', 'ready', { workers, accept });
}
