/**
 * Whether one inbound connection that is not HTTP may be there: judged when it is known what the
 * connection is, and again whenever the policy changes. Where a request has become a tunnel, what
 * let in the request counts.
 */

import type { Conduit } from '../io/conduit.ts';
import type { ClientGroup } from './client-group.ts';
import { clientAddress } from './log-spans.ts';
import type { Target } from './target.ts';
import type { TargetAccess } from './target-access.ts';
import { type ToldClient, tellGrant, tellTerminated } from './tell-grant.ts';

/** Null where there is nothing to be judged: what applications of ours send. */
export function admissionOf(
  clients: ClientGroup,
  conduit: Conduit,
  target: Target,
): Admission | null {
  return target.direction === 'inbound' ? new Admission(clients, conduit, target) : null;
}

export class Admission {
  readonly #clients: ClientGroup;
  readonly #conduit: Conduit;
  readonly #target: Target;
  /** By which it was judged last. */
  #access: TargetAccess | null;
  #wasRequest = true;
  #lets = true;

  constructor(clients: ClientGroup, conduit: Conduit, target: Target) {
    this.#clients = clients;
    this.#conduit = conduit;
    this.#target = target;
    this.#access = target.access;
  }

  /** For a connection that was none of HTTP from its beginning; counts and tells what is found. */
  admits(): boolean {
    this.#wasRequest = false;
    const { access } = this.#target;
    this.#access = access;
    if (access === null) return true;
    const grant = access.grantConnection(this.#clients, this.#conduit.remoteHost);
    this.#clients.direction.core.cells[grant.cell] += 1;
    tellGrant(grant, this.#told);
    return grant.authorization !== null;
  }

  /** False: the policy has changed, and no longer lets it in. */
  holds(): boolean {
    const { access, refusal } = this.#target;
    if (refusal !== '') {
      tellTerminated(refusal, this.#told);
      return false;
    }
    if (access === this.#access) return this.#lets;
    this.#access = access;
    const { remoteHost } = this.#conduit;
    this.#lets = access?.letsIn(this.#clients, remoteHost, this.#wasRequest) !== false;
    if (this.#lets || access === null) return true;
    access.countTerminated(this.#clients);
    tellTerminated(access, this.#told);
    return false;
  }

  get #told(): ToldClient {
    const { remoteHost: host } = this.#conduit;
    const address = clientAddress(this.#conduit);
    return { clients: this.#clients, host, address, target: this.#target };
  }
}
