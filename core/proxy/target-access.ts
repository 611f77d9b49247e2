/**
 * Whom one inbound target lets in, as this thread counts and tells it. What is found of a client is
 * a grant: it is looked for once for each connection, and holds while the policy does.
 */

import type { PolicyName } from '../../api/access.ts';
import type { Address } from '../../api/settings.ts';
import { formatAddress } from '../discover/address-text.ts';
import type { Head } from '../http/head.ts';
import { type Access, isAudit } from '../policy/access.ts';
import type { Registry } from '../telemetry/registry.ts';
import type { ClientCells } from './client-cells.ts';
import type { ClientGroup } from './client-group.ts';

/** Whether clients that are alike may come, to one route or to what is not HTTP. */
export interface Grant {
  /** A newer policy has another one: then this grant means nothing. */
  readonly owner: TargetAccess;
  /** Null for what is not HTTP. */
  readonly route: PolicyName | null;
  /** Who lets them in; null for nobody. */
  readonly authorization: PolicyName | null;
  /** They are let in, and nothing is to be said of it. */
  readonly silent: boolean;
  /** Requests or connections that were let in, or were not. */
  readonly cell: number;
  /** What holds for the exceptions of the policy in place of it, in their order; mostly none. */
  readonly exceptions: readonly Grant[];
}

export class TargetAccess {
  readonly access: Access;
  readonly #registry: Registry;
  readonly #serverLabels: Readonly<Record<string, string>>;
  /** By what they count for, of clients that are alike. */
  readonly #grants = new Map<ClientCells, Map<string, Grant>>();
  readonly #terminated = new Map<ClientCells, number>();

  constructor(registry: Registry, access: Access, to: Address) {
    this.access = access;
    this.#registry = registry;
    const { group, kind, name } = access.server;
    this.#serverLabels = {
      target_addr: formatAddress(to),
      target_ip: to.host,
      target_port: String(to.port),
      srv_group: group,
      srv_kind: kind,
      srv_name: name,
      srv_port: String(to.port),
    };
  }

  /** For the requests of a connection. `host`: where it comes from. */
  grantRequests(clients: ClientGroup, host: string): Grant {
    const { route, exceptions } = this.access;
    const client = { host, identity: provedBy(clients) };
    const grant = this.#find(clients.cells, route.name, route.judge(client));
    if (grant.silent || exceptions.length === 0) return grant;
    const others = exceptions.map((one) => this.#find(clients.cells, one.name, one.judge(client)));
    return { ...grant, exceptions: others };
  }

  /** What holds for a request on a connection whose grant has exceptions. */
  exceptionOf(grant: Grant, request: Head): Grant {
    const { bytes, methodStart, methodEnd, pathStart, targetEnd } = request;
    if (pathStart < 0) return grant;
    const method = bytes.toString('latin1', methodStart, methodEnd);
    const path = bytes.toString('latin1', pathStart, targetEnd);
    const index = this.access.exceptionFor(method, path);
    return index === -1 ? grant : grant.exceptions[index];
  }

  /** For a connection that is not HTTP. */
  grantConnection(clients: ClientGroup, host: string): Grant {
    const authorization = this.access.judge({ host, identity: provedBy(clients) });
    return this.#find(clients.cells, null, authorization);
  }

  /** Whether it would be let in, without counting anything. */
  letsIn(clients: ClientGroup, host: string, asRequest: boolean): boolean {
    const client = { host, identity: provedBy(clients) };
    return (asRequest ? this.access.route : this.access).judge(client) !== null;
  }

  /** A connection of theirs has been ended because the policy has changed. */
  countTerminated({ cells }: ClientGroup): void {
    let cell = this.#terminated.get(cells);
    if (cell === undefined) {
      const labels = { ...this.#serverLabels, ...cells.labels };
      cell = this.#registry.counter('inbound_tcp_authz_terminate_total', labels);
      this.#terminated.set(cells, cell);
    }
    this.#registry.cells[cell] += 1;
  }

  /** These clients are known no more. */
  forget(cells: ClientCells): void {
    for (const { cell } of this.#grants.get(cells)?.values() ?? []) this.#registry.release(cell);
    this.#grants.delete(cells);
    const terminated = this.#terminated.get(cells);
    if (terminated !== undefined) this.#registry.release(terminated);
    this.#terminated.delete(cells);
  }

  /** There is a newer policy, or no target any more. */
  release(): void {
    for (const cells of new Set([...this.#grants.keys(), ...this.#terminated.keys()])) {
      this.forget(cells);
    }
  }

  #find(cells: ClientCells, route: PolicyName | null, authorization: PolicyName | null): Grant {
    let grants = this.#grants.get(cells);
    if (grants === undefined) {
      grants = new Map();
      this.#grants.set(cells, grants);
    }
    const key = JSON.stringify([route, authorization]);
    let grant = grants.get(key);
    if (grant === undefined) {
      const silent = authorization !== null && !isAudit(authorization);
      const cell = this.#createCell(cells, route, authorization);
      grant = { owner: this, route, authorization, silent, cell, exceptions: none };
      grants.set(key, grant);
    }
    return grant;
  }

  #createCell(
    cells: ClientCells,
    route: PolicyName | null,
    authorization: PolicyName | null,
  ): number {
    const registry = this.#registry;
    const labels = { ...this.#serverLabels, ...cells.labels };
    if (route === null) {
      return authorization === null
        ? registry.counter('inbound_tcp_authz_deny_total', labels)
        : registry.counter('inbound_tcp_authz_allow_total', { ...labels, ...authz(authorization) });
    }
    const ofRoute = {
      ...labels,
      route_group: route.group,
      route_kind: route.kind,
      route_name: route.name,
    };
    return authorization === null
      ? registry.counter('inbound_http_authz_deny_total', ofRoute)
      : registry.counter('inbound_http_authz_allow_total', { ...ofRoute, ...authz(authorization) });
  }
}

/** Clients of one group have proved the same by TLS with us, or there is no such TLS. */
function provedBy({ identity }: ClientGroup): string | null {
  return identity === null ? null : identity.name;
}

function authz({ group, kind, name }: PolicyName) {
  return { authz_group: group, authz_kind: kind, authz_name: name };
}

const none: readonly Grant[] = [];
