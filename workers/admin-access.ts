/**
 * Whom the admin port of a sidecar lets in: it has a policy as every port of a pod, which is asked
 * for at the control plane, and the default one until it has answered. The loopback may always.
 */

import type { Discovery } from '../api/discovery.ts';
import type { Address, ProxySettings } from '../api/settings.ts';
import { targetKey } from '../api/snapshot.ts';
import { formatAddress } from '../control/model/address.ts';
import { assembleInbound } from '../core/discover/assemble.ts';
import { defaultServer } from '../core/discover/default-policy.ts';
import { isLoopback } from '../core/io/ip-text.ts';
import { Access } from '../core/policy/access.ts';
import type { Logger } from '../core/telemetry/log.ts';
import type { AdminRequest, AdminResponse } from './admin-exchange.ts';

interface Judged {
  /** Null: only the loopback. */
  readonly access: Access | null;
  readonly refusal: string;
}

export class AdminAccess {
  readonly #log: Logger;
  readonly #own: ReadonlySet<string>;
  #judged: Judged;

  constructor(discovery: Discovery, settings: ProxySettings, admin: Address, log: Logger) {
    this.#log = log;
    this.#own = new Set(settings.inboundIps);
    const server = defaultServer(admin.port, { ...settings, adminPort: admin.port });
    this.#judged = judgedOf(assembleInbound(server, admin));
    // For as long as there is a discovery.
    discovery.watch(targetKey('inbound', formatAddress(admin)), (target) => {
      this.#judged = judgedOf(target);
    });
  }

  /** What whoever may not ask is answered; null for who may. */
  refuse(request: AdminRequest): AdminResponse | null {
    const { remoteHost: host, identity, method, path } = request;
    // What was redirected comes back from an address of the pod, and was judged on its way.
    if (isLoopback(host) || this.#own.has(host)) return null;
    const { access, refusal } = this.#judged;
    if (access !== null) {
      const index = access.exceptionFor(method, path);
      const route = index === -1 ? access.route : access.exceptions[index];
      if (route.judge({ host, identity }) !== null) return null;
    }
    this.#log.info('heddle::admin', 'Request denied', {
      'server.name': access?.server.name ?? '',
      'client.ip': host,
      ...(identity !== null && identity !== '' && { 'client.id': identity }),
      path,
      ...(refusal !== '' && { reason: refusal }),
    });
    const body = 'the policy of the admin port does not let in this client\n';
    return { status: 403, fields: { 'content-type': 'text/plain' }, body };
  }
}

function judgedOf({ access = null, refusal = '' }: ReturnType<typeof assembleInbound>): Judged {
  return { access: access === null ? null : new Access(access), refusal };
}
