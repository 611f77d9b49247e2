/** The lines of the log about who was let in and who was not, with Linkerd's words and fields. */

import type { PolicyName } from '../../api/access.ts';
import type { ClientGroup } from './client-group.ts';
import { connectionSpans } from './log-spans.ts';
import type { Grant, TargetAccess } from './target-access.ts';

/** Who is told of, and what it came for. */
export interface ToldClient {
  readonly clients: ClientGroup;
  readonly host: string;
  /** With the port. */
  readonly address: string;
  readonly target: { readonly key: string };
}

/** Nothing, where it is let in and nobody has asked to hear of it. */
export function tellGrant(grant: Grant, client: ToldClient): void {
  const { route, authorization } = grant;
  if (grant.silent) return;
  const what = route === null ? 'Connection' : 'Request';
  tell(`${what} ${authorization === null ? 'denied' : 'allowed'}`, client, {
    ...fieldsOf('server', grant.owner.access.server),
    ...(route === null ? connectionFields(client) : requestFields(route, client)),
    ...(authorization !== null && fieldsOf('authz', authorization)),
  });
}

/** `why`: the policy that it has become, or why that refuses everybody. */
export function tellTerminated(why: TargetAccess | string, client: ToldClient): void {
  tell('Connection terminated due to policy change', client, {
    ...(typeof why === 'string' ? { reason: why } : fieldsOf('server', why.access.server)),
    ...connectionFields(client),
  });
}

function tell(message: string, { clients, address, target }: ToldClient, fields: Fields): void {
  const { log } = clients.direction.core;
  log.info('heddle::proxy::policy', message, fields, connectionSpans(clients, address, target));
}

type Fields = Readonly<Record<string, string>>;

function connectionFields({ clients, address }: ToldClient): Fields {
  const { cells, name } = clients;
  return { tls: cells.labels.tls, ...(name !== '' && { 'client.id': name }), client: address };
}

function requestFields(route: PolicyName, { clients, host }: ToldClient): Fields {
  const { cells, name } = clients;
  return {
    ...fieldsOf('route', route),
    'client.tls': cells.labels.tls,
    ...(name !== '' && { 'client.id': name }),
    'client.ip': host,
  };
}

function fieldsOf(prefix: string, { group, kind, name }: PolicyName): Fields {
  return { [`${prefix}.group`]: group, [`${prefix}.kind`]: kind, [`${prefix}.name`]: name };
}
