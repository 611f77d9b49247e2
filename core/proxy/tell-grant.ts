/** The lines of the log about who was let in and who was not, with Linkerd's words and fields. */

import type { PolicyName } from '../../api/access.ts';
import type { ClientGroup } from './client-group.ts';
import { acceptSpans } from './log-spans.ts';
import type { Grant, TargetAccess } from './target-access.ts';

/** A client, with its address as it is in the line. */
export interface ToldClient {
  readonly clients: ClientGroup;
  readonly address: string;
}

/** Nothing, where it is let in and nobody has asked to hear of it. */
export function tellGrant(grant: Grant, client: ToldClient): void {
  const { route, authorization } = grant;
  const what = route === null ? 'Connection' : 'Request';
  if (grant.silent) return;
  tell(`${what} ${authorization === null ? 'denied' : 'allowed'}`, client, {
    ...fieldsOf('server', grant.owner.access.server),
    ...(route === null ? {} : fieldsOf('route', route)),
    ...(authorization === null ? {} : fieldsOf('authz', authorization)),
  });
}

/** `why`: the policy that it has become, or why that refuses everybody. */
export function tellTerminated(why: TargetAccess | string, client: ToldClient): void {
  const fields = typeof why === 'string' ? { reason: why } : fieldsOf('server', why.access.server);
  tell('Connection terminated due to policy change', client, fields);
}

function tell(message: string, { clients, address }: ToldClient, of: Record<string, string>): void {
  const { tls, client_id: id } = clients.cells.labels;
  const proved = clients.name === '' ? id : clients.name;
  const identity = proved === undefined ? {} : { identity: proved };
  const fields = { ...of, client: address, tls, ...identity };
  clients.direction.core.log.info('heddle::policy', message, fields, acceptSpans(clients, address));
}

function fieldsOf(prefix: string, { group, kind, name }: PolicyName): Record<string, string> {
  return { [`${prefix}.group`]: group, [`${prefix}.kind`]: kind, [`${prefix}.name`]: name };
}
