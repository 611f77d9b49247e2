/** How a proxy is started beside an application. */

import { basename } from 'node:path';
import type { Address } from '../../api/settings.ts';
import { formatAddress } from '../../control/model/address.ts';
import type { RunOptions } from './options.ts';
import type { ProxyAddresses } from './proxy-child.ts';
import { tokenPath } from './run-file.ts';

/** `known` is where it listened before, and is to listen again. */
export function proxyArgs(
  options: RunOptions,
  environment: Readonly<Record<string, string | undefined>>,
  known: ProxyAddresses | null,
): string[] {
  const { controls, namespace, instance, identity, announced, graceMs } = options;
  const args = ['proxy', '--control', controls.join(',')];
  args.push('--workload', JSON.stringify({ ns: namespace, pod: instance }));
  args.push('--state-dir', proxyStateFolder(options));
  if (identity !== '') {
    args.push('--identity', identity);
    args.push('--identity-token', tokenPath(options.stateFolder, instance));
  }
  args.push('--outbound', listen(known?.outbound, loopback));
  args.push('--admin', listen(known?.admin, loopback));
  if (announced === null) args.push('--inbound', 'off');
  else {
    args.push('--inbound', listen(known?.inbound, announced.advertise));
    args.push('--inbound-to', formatAddress({ host: loopback, port: announced.port }));
  }
  // It ends behind its application: then there is nobody whom an announcement would help.
  args.push('--passthrough', 'allow', '--announce', '0ms');
  args.push('--grace', `${Math.max(graceMs, graceMinMs)}ms`);
  if (environment.HEDDLE_WORKERS === undefined) args.push('--workers', '1');
  if (environment.HEDDLE_LOG_LEVEL === undefined) args.push('--log-level', 'warn');
  return args;
}

/** The same at the next start, and another for each that can run at the same time. */
export function proxyStateFolder({
  stateFolder,
  namespace,
  announced,
  command,
}: RunOptions): string {
  const { service, port } = announced ?? { service: 'client', port: basename(command) };
  return `${stateFolder}/proxy/${namespace}/${service}-${port}`;
}

function listen(known: Address | null | undefined, host: string): string {
  return formatAddress(known ?? { host, port: 0 });
}

const loopback = '127.0.0.1';
/** Ours is what bounds it in the end. */
const graceMinMs = 1_000;
