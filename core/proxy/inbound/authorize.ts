/**
 * Lets in the requests of those whom the policy of the port permits. Whom it permits depends on who
 * the client is, and so it is asked once for each connection and again when the policy changes.
 */

import { ProxyError } from '../../base/errors.ts';
import type { ClientConnection, Exchange, ExchangeClient } from '../../http/exchange.ts';
import { Layer } from '../../stack/layer.ts';
import type { ClientGroup } from '../client-group.ts';
import type { Core } from '../core.ts';
import type { Target } from '../target.ts';
import type { Grant, TargetAccess } from '../target-access.ts';
import { tellGrant } from '../tell-grant.ts';

/** Knows whose a request is. */
export interface ClientFinder {
  clientsOf(x: Exchange): ClientGroup;
}

export class Authorize extends Layer<Exchange> {
  readonly #core: Core;
  readonly #finder: ClientFinder;

  constructor(core: Core, finder: ClientFinder) {
    super();
    this.#core = core;
    this.#finder = finder;
  }

  override request(x: Exchange): void {
    const { access } = x.target as Target;
    if (access === null || this.#letsIn(x, access)) this.next.request(x);
  }

  #letsIn(x: Exchange, access: TargetAccess): boolean {
    const { connection } = x.client as ExchangeClient;
    let grant = connection.grant as Grant | null;
    if (grant === null || grant.owner !== access) {
      grant = access.grantRequests(this.#finder.clientsOf(x), hostOf(connection));
      connection.grant = grant;
    }
    if (grant.exceptions.length > 0) grant = access.exceptionOf(grant, x.request);
    this.#core.cells[grant.cell] += 1;
    return grant.silent || this.#tell(x, grant, connection);
  }

  #tell(x: Exchange, grant: Grant, connection: ClientConnection): boolean {
    const target = x.target as Target;
    const clients = this.#finder.clientsOf(x);
    const { peer: address } = connection;
    tellGrant(grant, { clients, host: hostOf(connection), address, target });
    if (grant.authorization !== null) return true;
    const { name } = grant.owner.access.server;
    const text = `the policy ${name} of ${target.authority} does not let in ${address}`;
    this.prev.fail(x, new ProxyError('UNAUTHORIZED', text));
    return false;
  }
}

/** Of an address with its port, of IPv6 with or without brackets. */
function hostOf({ peer }: ClientConnection): string {
  return peer.slice(0, peer.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
}
