/** OutboundPolicies: the policy of what a client names or dials, once or as a watch. */

import type { OutboundPolicy, TrafficSpec } from '../../api/gen/control/outbound_pb.ts';
import { frameMessage } from '../../core/grpc/frame.ts';
import type { ServerCall } from '../../core/grpc/server-call.ts';
import { Code, okStatus, type Status } from '../../core/grpc/status.ts';
import type { MeshService } from '../index/merge-catalogs.ts';
import type { FoundService, MeshIndex } from '../index/mesh-index.ts';
import { formatAddress, parseAddress } from '../model/address.ts';
import type { Broadcast } from './broadcast.ts';
import { outboundGet, outboundWatch } from './methods.ts';
import { absenceOf, badName, callerNamespace, parseName } from './names.ts';
import { addressOf } from './net.ts';
import { outboundPolicy, refusingPolicy } from './outbound-policy.ts';
import type { Streams } from './streams.ts';
import { Topics, wholeFrames } from './topics.ts';

type Call = ServerCall<TrafficSpec, OutboundPolicy>;

/** What a request asks for, and where its client is. */
interface Asked {
  readonly name: string;
  readonly namespace: string;
}

export class OutboundService {
  readonly #index: MeshIndex;
  readonly #streams: Streams;
  readonly #policies: Topics<Buffer>;

  constructor(index: MeshIndex, streams: Streams) {
    this.#index = index;
    this.#streams = streams;
    this.#policies = new Topics(streams.broadcastEnv(outboundWatch), wholeFrames);
    streams.serve(outboundGet, (call, spec) => this.#get(call, spec));
    streams.serve(outboundWatch, (call, spec) => this.#watch(call, spec));
  }

  /** Ends all streams with this. */
  end(status: Status): void {
    this.#policies.end(status);
  }

  #get(call: Call, spec: TrafficSpec): void {
    const asked = readSpec(spec);
    const policy = 'code' in asked ? asked : this.#policyOf(asked);
    if ('code' in policy) {
      this.#streams.refuse(outboundGet, call, policy);
      return;
    }
    call.send(policy);
    call.end(okStatus);
  }

  #watch(call: Call, spec: TrafficSpec): void {
    const asked = readSpec(spec);
    const policy = 'code' in asked ? asked : this.#policyOf(asked);
    if ('code' in asked || 'code' in policy) {
      if ('code' in policy) this.#streams.refuse(outboundWatch, call, policy);
      return;
    }
    const { heddleAdmin: admin, heddleVersion: version, sourceWorkload: workload } = spec;
    const told = { admin, version, workload };
    const onEnd = this.#streams.watched(outboundWatch, call.peer, told);
    const found = this.#index.find(asked.name, asked.namespace);
    // A service is the same for all who ask; what is none depends on where they are, and an address
    // may stand for another one some day.
    const isService = found.kind === 'service' && parseAddress(asked.name) === null;
    const subject = isService
      ? { name: found.service.authority, namespace: found.service.namespace }
      : asked;
    const key = isService ? subject.name : `${asked.name} ${asked.namespace}`;
    this.#policies.add(key, call, onEnd, (policies) => {
      policies.update(frameOf(policy));
      return this.#follow(subject, policies);
    });
  }

  #follow({ name, namespace }: Asked, policies: Broadcast<Buffer>): () => void {
    let known: MeshService | null = null;
    return this.#index.watchService(name, namespace, (state) => {
      // Its endpoints alone have changed.
      if (state.kind === 'ready' && state.service === known) return;
      known = state.kind === 'ready' ? state.service : null;
      const found: FoundService =
        state.kind === 'ready' ? { kind: 'service', service: state.service } : state;
      const policy = policyOf(found, name);
      if ('code' in policy) policies.end(policy);
      else policies.update(frameOf(policy));
    });
  }

  #policyOf({ name, namespace }: Asked): OutboundPolicy | Status {
    return policyOf(this.#index.find(name, namespace), name);
  }
}

function policyOf(found: FoundService, name: string): OutboundPolicy | Status {
  if (found.kind === 'service') return servicePolicy(found.service);
  if (found.kind === 'unknown' && found.refusal !== '') return refusingPolicy(found.refusal);
  return absenceOf(found, name);
}

function servicePolicy(service: MeshService): OutboundPolicy {
  const { authority, namespace, name, port, protocol, refusal } = service;
  return outboundPolicy({ authority, namespace, service: name, port, protocol, refusal });
}

function frameOf(policy: OutboundPolicy): Buffer {
  return frameMessage(outboundWatch.response, policy);
}

function readSpec(spec: TrafficSpec): Asked | Status {
  const namespace = callerNamespace(spec.sourceWorkload);
  if (namespace === null) return badWorkload;
  switch (spec.target.case) {
    case 'addr': {
      const address = addressOf(spec.target.value);
      if (address === null || address.port === 0) return badAddress;
      return { name: formatAddress(address), namespace };
    }
    case 'authority': {
      const name = parseName(spec.target.value);
      return name === null ? badName : { name: name.text, namespace };
    }
    default:
      return badName;
  }
}

const badWorkload: Status = {
  code: Code.INVALID_ARGUMENT,
  message: 'source_workload: expected JSON such as {"ns":"demo","pod":"web-1"}',
};
const badAddress: Status = {
  code: Code.INVALID_ARGUMENT,
  message: 'target: expected an IPv4 or IPv6 address with a port from 1 to 65535',
};
