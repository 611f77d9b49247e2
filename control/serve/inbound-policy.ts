/**
 * The policy of a port of a workload: whoever reaches it may use it, until a policy with effect
 * says otherwise; a port whose policy has no effect yet lets nobody in. What a proxy is told of a
 * port without a Server, with Linkerd's names and numbers.
 */

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type AuthzSchema,
  type HttpRouteSchema,
  type Server,
  ServerSchema,
} from '../../api/gen/control/inbound_pb.ts';
import { detectTimeoutMs } from '../../core/base/limits.ts';
import { duration } from './duration.ts';

/** `refusal`: why nobody is let in; empty when everybody is. */
export function inboundServer(refusal: string): Server {
  const authorizations = refusal === '' ? [anyone] : [];
  return create(ServerSchema, {
    protocol: {
      kind: {
        case: 'detect',
        value: { timeout: duration(detectTimeoutMs), httpRoutes: [defaultRoute(refusal)] },
      },
    },
    authorizations,
    labels: refusal === '' ? labelsOf('all-unauthenticated') : labelsOf('deny'),
  });
}

function defaultRoute(refusal: string): MessageInitShape<typeof HttpRouteSchema> {
  const value = { status: 403, message: refusal };
  return {
    metadata: { kind: { case: 'default', value: 'default' } },
    authorizations: refusal === '' ? [anyone] : [],
    rules: [
      {
        matches: [{ path: { kind: { case: 'prefix', value: '/' } } }],
        filters: refusal === '' ? [] : [{ kind: { case: 'failureInjector', value } }],
      },
    ],
  };
}

function labelsOf(name: string) {
  return { group: '', kind: 'default', name };
}

const anyone: MessageInitShape<typeof AuthzSchema> = {
  networks: [
    { net: { ip: { ip: { case: 'ipv4', value: 0 } }, prefixLen: 0 } },
    { net: { ip: { ip: { case: 'ipv6', value: {} } }, prefixLen: 0 } },
  ],
  authentication: { permit: { case: 'unauthenticated', value: {} } },
  labels: labelsOf('all-unauthenticated'),
  metadata: { kind: { case: 'default', value: 'all-unauthenticated' } },
};
