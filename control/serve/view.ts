/** View: what this control plane knows and how it does, for commands that show it. */

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type EndpointsRequest,
  EndpointsResponseSchema,
  type ServiceSchema,
  type StatusResponse,
  StatusResponseSchema,
} from '../../api/gen/control/view_pb.ts';
import { viewEndpointsMax } from '../../core/base/limits.ts';
import { version } from '../../core/base/version.ts';
import { Code, okStatus, type Status } from '../../core/grpc/status.ts';
import type { MeshIndex, ServiceView } from '../index/mesh-index.ts';
import { qualifyName } from '../index/service-names.ts';
import { splitPort } from '../model/address.ts';
import type { Registration } from '../model/registration.ts';
import { viewEndpoints, viewStatus } from './methods.ts';
import { absenceOf, badName, defaultNamespace, parseName } from './names.ts';
import { tcpAddress } from './net.ts';
import type { Streams } from './streams.ts';

/** Who has joined. */
export interface ViewRegistry {
  instances(): readonly {
    readonly registration: Registration;
    readonly identity: string;
    readonly serving: boolean;
    readonly connected: boolean;
  }[];
  settlingMs(): number;
}

interface ViewEnv {
  readonly index: MeshIndex;
  readonly streams: Streams;
  readonly registry: ViewRegistry;
  readonly clusterDomain: string;
  readonly startedWallMs: number;
  readonly nowWallMs: () => number;
  /** Where others reach us. */
  readonly address: () => string;
}

export function serveView(env: ViewEnv): void {
  env.streams.serve(viewEndpoints, (call, request) => {
    const services = selectServices(env, request);
    if ('code' in services) {
      env.streams.refuse(viewEndpoints, call, services);
      return;
    }
    call.send(create(EndpointsResponseSchema, { services: services.map(showService) }));
    call.end(okStatus);
  });
  env.streams.serve(viewStatus, (call) => {
    call.send(showStatus(env));
    call.end(okStatus);
  });
}

function selectServices(env: ViewEnv, request: EndpointsRequest): ServiceView[] | Status {
  const { name, namespace } = request;
  const all = env.index.list();
  const services = name === '' ? all : named(env, all, name, namespace || defaultNamespace);
  if ('code' in services) return services;
  const endpoints = services.reduce((sum, one) => sum + (one.endpoints?.length ?? 0), 0);
  return endpoints > viewEndpointsMax ? tooMany : services;
}

/** All ports of a service, unless the name has one. */
function named(
  env: ViewEnv,
  all: readonly ServiceView[],
  text: string,
  namespace: string,
): ServiceView[] | Status {
  const asked = parseName(text);
  const split = splitPort(text.toLowerCase());
  if (asked === null || split === null) return badName;
  const qualified = qualifyName(split.name, namespace, env.clusterDomain);
  const services = all.filter(
    ({ service }) =>
      service.name === qualified?.name &&
      service.namespace === qualified.namespace &&
      (split.port === null || split.port === service.port),
  );
  if (services.length > 0) return services;
  const found = env.index.find(text, namespace);
  return found.kind === 'service' ? [] : absenceOf(found, text);
}

function showService(view: ServiceView): MessageInitShape<typeof ServiceSchema> {
  const { service, location, endpoints, confirmedWallMs, error } = view;
  const { authority, namespace, name, port, protocol, source } = service;
  return {
    authority,
    namespace,
    name,
    port,
    protocol,
    source: source.kind,
    location,
    confirmedMs: toMs(confirmedWallMs),
    error: error ?? '',
    version: view.version,
    endpoints: (endpoints ?? []).map(({ host, port: endpointPort, weight, zone, traits }) => ({
      address: tcpAddress({ host, port: endpointPort }),
      weight: Math.max(1, Math.round(weight * weightUnit)),
      zone,
      identity: traits?.identity ?? '',
    })),
  };
}

function showStatus(env: ViewEnv): StatusResponse {
  const { index, streams, registry } = env;
  return create(StatusResponseSchema, {
    version,
    startedMs: toMs(env.startedWallMs),
    address: env.address(),
    sources: index.catalogs().map(({ kind, location, objects, confirmedWallMs, error }) => ({
      kind,
      location,
      objects,
      confirmedMs: toMs(confirmedWallMs),
      error: error ?? '',
    })),
    problems: index.problems().slice(0, shownMax),
    proxies: streams.proxies.list().slice(0, shownMax),
    instances: registry
      .instances()
      .slice(0, shownMax)
      .map(({ registration, identity, serving, connected }) => {
        const { instance, namespace, service, admin, inboundPort = 0 } = registration;
        const address = tcpAddress(registration);
        const about = { instance, namespace, service, address, serving, connected };
        return Object.assign(about, { admin, identity, inboundPort });
      }),
    services: index.list().length,
    streams: streams.open,
    settlingMs: Math.round(registry.settlingMs()),
    nowMs: toMs(env.nowWallMs()),
  });
}

function toMs(wallMs: number | null): bigint {
  return BigInt(Math.max(0, Math.round(wallMs ?? 0)));
}

/** As in Destination: what 1 is. */
const weightUnit = 10_000;
/** Of each list: with all of them a status fits a message. */
const shownMax = 5_000;
const tooMany: Status = {
  code: Code.RESOURCE_EXHAUSTED,
  message: `there are more than ${viewEndpointsMax} endpoints; ask for one service`,
};
