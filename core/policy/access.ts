/**
 * Whom an inbound target lets in, compiled: who a client is, is asked once for each connection.
 * Nothing here counts or writes; `core/proxy/target-access.ts` does.
 */

import type {
  AccessSnapshot,
  Authorization,
  PathAccess,
  PolicyName,
  RouteAccess,
} from '../../api/access.ts';
import { CompiledNetwork, type Ip, parseIp } from './network.ts';

/** Who asks, as far as it is judged. */
export interface Client {
  /** Its address, without the port. */
  readonly host: string;
  /** Whom it has proved to be by TLS with us; '' for nobody; null where there is no such TLS. */
  readonly identity: string | null;
}

export class Access {
  readonly server: PolicyName;
  /** Of all requests but the exceptions. */
  readonly route: CompiledRoute;
  readonly exceptions: readonly CompiledException[];
  readonly #authorizations: readonly CompiledAuthorization[];

  constructor(snapshot: AccessSnapshot) {
    this.server = snapshot.server;
    this.#authorizations = [...snapshot.authorizations, localhost].map(compile);
    this.route = this.#compileRoute(snapshot.route);
    this.exceptions = snapshot.exceptions.map((one) => ({
      ...this.#compileRoute(one),
      matches: one.matches,
    }));
  }

  /** Who lets a connection in that is not HTTP; null for nobody. */
  judge(client: Client): PolicyName | null {
    return judge(this.#authorizations, client);
  }

  /** The number of the exception that is for this request; -1 for none. `target`: with query. */
  exceptionFor(method: string, target: string): number {
    const [path] = target.split('?', 1);
    return this.exceptions.findIndex(({ matches }) =>
      matches.some((one) => one.path === path && (one.method === '' || one.method === method)),
    );
  }

  /** A route's own authorizations come first, then those of the server. */
  #compileRoute({ name, authorizations }: RouteAccess): CompiledRoute {
    const all = [...authorizations.map(compile), ...this.#authorizations];
    return { name, judge: (client) => judge(all, client) };
  }
}

interface CompiledRoute {
  readonly name: PolicyName;
  /** Who lets a request of this client in; null for nobody. */
  judge(client: Client): PolicyName | null;
}

interface CompiledException extends CompiledRoute, Pick<PathAccess, 'matches'> {}

/** What an audit lets in is said in the log. */
export function isAudit({ group, kind, name }: PolicyName): boolean {
  return group === '' && kind === 'default' && name === 'audit';
}

interface CompiledAuthorization extends Pick<Authorization, 'name' | 'proof'> {
  readonly networks: readonly CompiledNetwork[];
  /** Every address belongs to one of them. */
  readonly anywhere: boolean;
  readonly identities: ReadonlySet<string>;
  readonly suffixes: readonly string[];
}

function compile(authorization: Authorization): CompiledAuthorization {
  const networks = authorization.networks
    .map((network) => CompiledNetwork.compile(network))
    .filter((network) => network !== null);
  const families = new Set(networks.map(({ wholeFamily }) => wholeFamily));
  return {
    name: authorization.name,
    proof: authorization.proof,
    networks,
    anywhere: families.has(1) && families.has(4),
    identities: new Set(authorization.identities),
    suffixes: authorization.suffixes,
  };
}

function judge(
  authorizations: readonly CompiledAuthorization[],
  client: Client,
): PolicyName | null {
  // Read only where it matters.
  let ip: Ip | null | undefined;
  for (const authorization of authorizations) {
    if (!proves(authorization, client.identity)) continue;
    if (authorization.anywhere) return authorization.name;
    ip ??= parseIp(client.host);
    const from = ip;
    if (from !== null && authorization.networks.some((network) => network.contains(from))) {
      return authorization.name;
    }
  }
  return null;
}

/** A SPIFFE ID has to be named as a whole: no suffix is for it, not even the empty one. */
function proves(authorization: CompiledAuthorization, identity: string | null): boolean {
  const { proof, identities, suffixes } = authorization;
  if (proof === 'none') return true;
  if (identity === null) return false;
  if (proof === 'mesh') return true;
  if (identity === '') return false;
  if (identities.has(identity)) return true;
  return !identity.includes('://') && suffixes.some((suffix) => identity.endsWith(suffix));
}

/** Whatever a policy says: what comes from the pod itself is the application's own. */
const localhost: Authorization = {
  name: { group: '', kind: 'default', name: 'localhost' },
  networks: [
    { net: '127.0.0.1/32', except: [] },
    { net: '::1/128', except: [] },
  ],
  proof: 'none',
  identities: [],
  suffixes: [],
};
