/**
 * What an application is told by its environment: that its calls go by the proxy, and who it is in
 * the mesh. `docs/CLI.md` lists the names.
 */

import { formatAddress } from '../../control/model/address.ts';
import type { ProxyAddresses } from './proxy-child.ts';

interface Place {
  readonly control: string;
  /** Empty for a client. */
  readonly service: string;
  readonly namespace: string;
  readonly instance: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `base` is what we were given ourselves. */
export function applicationEnvironment(
  base: Environment,
  { outbound, inbound, admin }: ProxyAddresses,
  { control, service, namespace, instance }: Place,
): Record<string, string> {
  const proxy = `http://${formatAddress(outbound)}`;
  const direct = directNames(base);
  return {
    ...withoutOwn(base),
    HTTP_PROXY: proxy,
    http_proxy: proxy,
    // By CONNECT: what is in TLS stays so, and goes to the endpoints that the mesh knows.
    HTTPS_PROXY: proxy,
    https_proxy: proxy,
    NO_PROXY: direct,
    no_proxy: direct,
    // Node's own fetch and http.request hear the six above only with this (Node 24 and later).
    NODE_USE_ENV_PROXY: '1',
    HEDDLE_CONTROL: control,
    HEDDLE_OUTBOUND: formatAddress(outbound),
    HEDDLE_INBOUND: inbound === null ? '' : formatAddress(inbound),
    HEDDLE_ADMIN: formatAddress(admin),
    HEDDLE_SERVICE: service,
    HEDDLE_NAMESPACE: namespace,
    HEDDLE_INSTANCE: instance,
  };
}

/**
 * Without what is ours alone: the right to a name, which neither application nor proxy needs, and
 * what `cli/heddle` has added for Node.
 */
export function withoutOwn(base: Environment): Record<string, string> {
  const { HEDDLE_ADDED: added = '' } = base;
  const own = new Set(['HEDDLE_TOKEN', 'HEDDLE_ADDED', ...added.split(' ')]);
  const entries = Object.entries(base).flatMap(([name, value]) =>
    value === undefined || own.has(name) ? [] : [[name, value] as const],
  );
  return Object.fromEntries(entries);
}

/** What was direct before stays so: somebody had a reason. */
function directNames(base: Environment): string {
  const before = base.no_proxy ?? base.NO_PROXY ?? '';
  const names = before.split(',').map((name) => name.trim());
  return [...new Set([...localNames, ...names])].filter((name) => name !== '').join(',');
}

/** The application's own neighbours, its admin port and debuggers. */
const localNames = ['localhost', '127.0.0.1', '::1'];
