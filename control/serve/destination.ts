/**
 * Destination.Get, the endpoints of a service, and GetProfile, what is to be known of a name or an
 * address beside them. The endpoints of a service that goes away are removed and its streams stay,
 * as Linkerd does it: when it comes back they are added again.
 */

import { create } from '@bufbuild/protobuf';
import {
  type DestinationProfile,
  DestinationProfileSchema,
  type GetDestination,
  type Update,
  type WeightedAddr,
} from '../../api/gen/control/destination_pb.ts';
import { frameMessage } from '../../core/grpc/frame.ts';
import type { ServerCall } from '../../core/grpc/server-call.ts';
import { Code, type Status } from '../../core/grpc/status.ts';
import type { MeshService } from '../index/merge-catalogs.ts';
import type { MeshIndex } from '../index/mesh-index.ts';
import { parseAddress } from '../model/address.ts';
import type { Broadcast } from './broadcast.ts';
import { duration } from './duration.ts';
import {
  changesBetween,
  type EndpointSet,
  endpointSet,
  weightedAddr,
  wholeSet,
} from './endpoint-updates.ts';
import { destinationGet, destinationGetProfile } from './methods.ts';
import { absenceOf, badName, callerNamespace, defaultNamespace, parseName } from './names.ts';
import { serviceMetadata } from './outbound-policy.ts';
import type { Streams } from './streams.ts';
import { Topics, wholeFrames } from './topics.ts';

export class DestinationService {
  readonly #index: MeshIndex;
  readonly #streams: Streams;
  readonly #sets: Topics<EndpointSet>;
  readonly #profiles: Topics<Buffer>;

  constructor(index: MeshIndex, streams: Streams) {
    this.#index = index;
    this.#streams = streams;
    const setFrames = { whole: wholeSet, between: changesBetween };
    this.#sets = new Topics(streams.broadcastEnv(destinationGet), setFrames);
    this.#profiles = new Topics(streams.broadcastEnv(destinationGetProfile), wholeFrames);
    streams.serve(destinationGet, (call, request) => this.#get(call, request));
    streams.serve(destinationGetProfile, (call, request) => this.#getProfile(call, request));
  }

  /** Ends all streams with this. */
  end(status: Status): void {
    this.#sets.end(status);
    this.#profiles.end(status);
  }

  #get(call: ServerCall<GetDestination, Update>, request: GetDestination): void {
    const name = parseName(request.path);
    if (name === null || name.isIp) {
      this.#streams.refuse(destinationGet, call, name === null ? badName : noIps);
      return;
    }
    const found = this.#index.find(name.text, namespaceOf(request));
    if (found.kind !== 'service') {
      this.#streams.refuse(destinationGet, call, absenceOf(found, name.text));
      return;
    }
    const { authority } = found.service;
    const onEnd = this.#streams.watched(destinationGet, call.peer, toldBy(request));
    this.#sets.add(authority, call, onEnd, (sets) => this.#followSet(found.service, sets));
  }

  #followSet(known: MeshService, sets: Broadcast<EndpointSet>): () => void {
    const { authority, namespace, name } = known;
    return this.#index.watchService(authority, namespace, (state) => {
      switch (state.kind) {
        case 'ready':
          sets.update(endpointSet(namespace, name, state.endpoints));
          break;
        case 'unknown':
          sets.update(endpointSet(namespace, name, []));
          break;
        case 'settling':
          // What was told before stays good.
          break;
      }
    });
  }

  #getProfile(call: ServerCall<GetDestination, DestinationProfile>, request: GetDestination): void {
    const name = parseName(request.path);
    if (name === null) {
      this.#streams.refuse(destinationGetProfile, call, badName);
      return;
    }
    const onEnd = (): (() => void) =>
      this.#streams.watched(destinationGetProfile, call.peer, toldBy(request));
    if (name.isIp) {
      this.#profiles.add(name.text, call, onEnd(), (profiles) =>
        this.#followAddress(name.text, profiles),
      );
      return;
    }
    const found = this.#index.find(name.text, namespaceOf(request));
    if (found.kind !== 'service') {
      this.#streams.refuse(destinationGetProfile, call, absenceOf(found, name.text));
      return;
    }
    const { authority } = found.service;
    this.#profiles.add(authority, call, onEnd(), (profiles) =>
      this.#followProfile(found.service, profiles),
    );
  }

  /** One that stands for a service has its profile, any other one is an endpoint. */
  #followAddress(text: string, profiles: Broadcast<Buffer>): () => void {
    const address = parseAddress(text);
    if (address === null) {
      // Without a port it is nowhere.
      profiles.update(frameOf(create(DestinationProfileSchema, { retryBudget })));
      return () => undefined;
    }
    const { host, port } = address;
    let service: MeshService | null = null;
    let endpoint: WeightedAddr | null = null;
    const tell = (): void => {
      if (service !== null) profiles.update(frameOf(serviceProfile(service)));
      else if (endpoint !== null && !this.#isService(text)) {
        profiles.update(frameOf(create(DestinationProfileSchema, { retryBudget, endpoint })));
      }
    };
    const unwatchService = this.#index.watchService(text, defaultNamespace, (state) => {
      const now = state.kind === 'ready' ? state.service : null;
      if (now === service) return;
      service = now;
      tell();
    });
    const unwatchEndpoint = this.#index.addresses.watch(host, port, (known) => {
      endpoint = weightedAddr(known ?? { host, port, weight: 1, zone: '' });
      if (service === null) tell();
    });
    return () => {
      unwatchService();
      unwatchEndpoint();
    };
  }

  /** Known perhaps without its endpoints yet: then it is no endpoint either. */
  #isService(text: string): boolean {
    return this.#index.find(text, defaultNamespace).kind === 'service';
  }

  #followProfile(known: MeshService, profiles: Broadcast<Buffer>): () => void {
    profiles.update(frameOf(serviceProfile(known)));
    let told = known;
    return this.#index.watchService(known.authority, known.namespace, (state) => {
      // Of most changes its endpoints are the matter.
      if (state.kind !== 'ready' || state.service === told) return;
      told = state.service;
      profiles.update(frameOf(serviceProfile(told)));
    });
  }
}

function serviceProfile(service: MeshService): DestinationProfile {
  const { authority, namespace, name, port, protocol } = service;
  return create(DestinationProfileSchema, {
    fullyQualifiedName: authority.slice(0, authority.lastIndexOf(':')),
    opaqueProtocol: protocol === 'opaque',
    retryBudget,
    parentRef: serviceMetadata({ namespace, service: name, port }),
  });
}

function frameOf(profile: DestinationProfile): Buffer {
  return frameMessage(destinationGetProfile.response, profile);
}

/** A token that cannot be read is none: Linkerd takes it so, too. */
function namespaceOf({ contextToken }: GetDestination): string {
  return callerNamespace(contextToken) ?? defaultNamespace;
}

function toldBy({ contextToken }: GetDestination) {
  return callerNamespace(contextToken) === null ? {} : { workload: contextToken };
}

const noIps: Status = { code: Code.INVALID_ARGUMENT, message: 'IP queries not supported' };
/** Linkerd's. */
const retryBudget = { retryRatio: 0.2, minRetriesPerSecond: 10, ttl: duration(10_000) };
