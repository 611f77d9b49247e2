/**
 * The policy of a service as proxies are told it: what it speaks, and one default route to its
 * endpoints; or, where a policy asks for what has no effect yet, a refusal of everything, with the
 * reason. Names of default routes and numbers of the balancer are Linkerd's.
 */

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { MetadataSchema } from '../../api/gen/control/meta_pb.ts';
import {
  type BackendSchema,
  type GrpcRouteSchema,
  type HttpRouteSchema,
  type OpaqueRouteSchema,
  type OutboundPolicy,
  OutboundPolicySchema,
  type ProxyProtocolSchema,
} from '../../api/gen/control/outbound_pb.ts';
import type { Protocol } from '../../api/snapshot.ts';
import { unreachable } from '../../core/base/assert.ts';
import {
  detectTimeoutMs,
  ewmaDecayMs,
  ewmaDefaultRttMs,
  failfastTimeoutMs,
} from '../../core/base/limits.ts';
import { GrpcCode } from '../../core/http/grpc.ts';
import { duration } from './duration.ts';

/** What a policy is made of. */
interface PolicySubject {
  /** The path of its endpoints. */
  readonly authority: string;
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** Why all of it is refused; empty when it is not. */
  readonly refusal: string;
}

export function outboundPolicy(subject: PolicySubject): OutboundPolicy {
  return create(OutboundPolicySchema, {
    metadata: serviceMetadata(subject),
    protocol: { kind: protocolKind(subject) },
  });
}

/** For traffic that is of no service and yet not let through. */
export function refusingPolicy(refusal: string): OutboundPolicy {
  const subject: PolicySubject = {
    authority: '',
    namespace: '',
    service: '',
    port: 0,
    protocol: 'auto',
    refusal,
  };
  return create(OutboundPolicySchema, {
    metadata: defaultMetadata('refused'),
    protocol: { kind: protocolKind(subject) },
  });
}

/** Linkerd calls the group of Services `core`. */
export function serviceMetadata(
  subject: Pick<PolicySubject, 'namespace' | 'service' | 'port'>,
): Init<typeof MetadataSchema> {
  const { namespace, service: name, port } = subject;
  return {
    kind: { case: 'resource', value: { group: 'core', kind: 'Service', name, namespace, port } },
  };
}

type Init<Schema extends Parameters<typeof create>[0]> = MessageInitShape<Schema>;
type ProtocolInit = NonNullable<Init<typeof ProxyProtocolSchema>['kind']>;

function protocolKind(subject: PolicySubject): ProtocolInit {
  switch (subject.protocol) {
    case 'auto':
    case 'http':
      return {
        case: 'detect',
        value: {
          timeout: duration(detectTimeoutMs),
          opaque: { routes: [opaqueRoute(subject)] },
          http1: { routes: [httpRoute(subject)] },
          http2: { routes: [httpRoute(subject)] },
          heddleHttp: subject.protocol === 'http',
        },
      };
    case 'http1':
    case 'http2':
      return { case: subject.protocol, value: { routes: [httpRoute(subject)] } };
    case 'grpc':
      return { case: 'grpc', value: { routes: [grpcRoute(subject)] } };
    case 'opaque':
      return { case: 'opaque', value: { routes: [opaqueRoute(subject)] } };
    default:
      return unreachable(subject.protocol);
  }
}

/** A refused route has no backend: who does not know the filter sends nothing either. */
function httpRoute(subject: PolicySubject): Init<typeof HttpRouteSchema> {
  const { refusal } = subject;
  return {
    metadata: defaultMetadata('http'),
    rules: [
      {
        matches: [{ path: { kind: { case: 'prefix', value: '/' } } }],
        filters: refusal === '' ? [] : [injector({ status: 403, message: refusal })],
        backends: distribution(subject),
      },
    ],
  };
}

function grpcRoute(subject: PolicySubject): Init<typeof GrpcRouteSchema> {
  const { refusal } = subject;
  const code = GrpcCode.PERMISSION_DENIED;
  return {
    metadata: defaultMetadata('grpc'),
    rules: [
      {
        matches: [{}],
        filters: refusal === '' ? [] : [injector({ code, message: refusal })],
        backends: distribution(subject),
      },
    ],
  };
}

function opaqueRoute(subject: PolicySubject): Init<typeof OpaqueRouteSchema> {
  const { refusal } = subject;
  return {
    metadata: defaultMetadata('opaque'),
    rules: [
      {
        filters: refusal === '' ? [] : [{ kind: { case: 'forbidden', value: {} } }],
        backends: distribution(subject),
      },
    ],
  };
}

function injector<Value>(value: Value): { kind: { case: 'failureInjector'; value: Value } } {
  return { kind: { case: 'failureInjector', value } };
}

/** The same in routes of all kinds. */
function distribution(subject: PolicySubject): Distribution {
  if (subject.refusal !== '') return { kind: { case: 'empty', value: {} } };
  const backends = [{ backend: backend(subject) }];
  return { kind: { case: 'firstAvailable', value: { backends } } };
}

interface Distribution {
  kind:
    | { case: 'empty'; value: Record<string, never> }
    | { case: 'firstAvailable'; value: { backends: { backend: Init<typeof BackendSchema> }[] } };
}

function backend(subject: PolicySubject): Init<typeof BackendSchema> {
  return {
    metadata: serviceMetadata(subject),
    kind: {
      case: 'balancer',
      value: {
        discovery: { kind: { case: 'dst', value: { path: subject.authority } } },
        load: {
          case: 'peakEwma',
          value: { defaultRtt: duration(ewmaDefaultRttMs), decay: duration(ewmaDecayMs) },
        },
      },
    },
    queue: { capacity: queueCapacity, failfastTimeout: duration(failfastTimeoutMs) },
  };
}

function defaultMetadata(name: string): Init<typeof MetadataSchema> {
  return { kind: { case: 'default', value: name } };
}

/** Linkerd's. */
const queueCapacity = 100;
