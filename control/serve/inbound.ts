/** InboundServerPolicies: the policy of a port of a workload, once or as a watch. */

import type { PortSpec, Server } from '../../api/gen/control/inbound_pb.ts';
import { frameMessage } from '../../core/grpc/frame.ts';
import type { ServerCall } from '../../core/grpc/server-call.ts';
import { Code, okStatus, type Status } from '../../core/grpc/status.ts';
import type { MeshIndex } from '../index/mesh-index.ts';
import { inboundServer } from './inbound-policy.ts';
import { inboundGetPort, inboundWatchPort } from './methods.ts';
import { callerNamespace } from './names.ts';
import type { Streams } from './streams.ts';
import { Topics, wholeFrames } from './topics.ts';

type Call = ServerCall<PortSpec, Server>;

interface Asked {
  readonly namespace: string;
  readonly port: number;
}

/** Which workloads there are nobody knows outside of a cluster: whoever asks is one. */
export class InboundService {
  readonly #index: MeshIndex;
  readonly #streams: Streams;
  readonly #servers: Topics<Buffer>;

  constructor(index: MeshIndex, streams: Streams) {
    this.#index = index;
    this.#streams = streams;
    this.#servers = new Topics(streams.broadcastEnv(inboundWatchPort), wholeFrames);
    streams.serve(inboundGetPort, (call, spec) => this.#getPort(call, spec));
    streams.serve(inboundWatchPort, (call, spec) => this.#watchPort(call, spec));
  }

  /** Ends all streams with this. */
  end(status: Status): void {
    this.#servers.end(status);
  }

  #getPort(call: Call, spec: PortSpec): void {
    const asked = readSpec(spec);
    if ('code' in asked) {
      this.#streams.refuse(inboundGetPort, call, asked);
      return;
    }
    call.send(inboundServer(this.#index.inboundRefusal(asked.namespace, asked.port)));
    call.end(okStatus);
  }

  #watchPort(call: Call, spec: PortSpec): void {
    const asked = readSpec(spec);
    if ('code' in asked) {
      this.#streams.refuse(inboundWatchPort, call, asked);
      return;
    }
    const { namespace, port } = asked;
    const { heddleAdmin: admin, heddleVersion: version, workload } = spec;
    const onEnd = this.#streams.watched(inboundWatchPort, call.peer, { admin, version, workload });
    this.#servers.add(`${namespace} ${port}`, call, onEnd, (servers) => {
      servers.update(frameOf(this.#index.inboundRefusal(namespace, port)));
      return this.#index.watchInbound(namespace, port, (refusal) =>
        servers.update(frameOf(refusal)),
      );
    });
  }
}

function readSpec({ workload, port }: PortSpec): Asked | Status {
  const namespace = callerNamespace(workload);
  if (namespace === null) return badWorkload;
  if (port === 0 || port > 65_535) return badPort;
  return { namespace, port };
}

function frameOf(refusal: string): Buffer {
  return frameMessage(inboundWatchPort.response, inboundServer(refusal));
}

const badWorkload: Status = {
  code: Code.INVALID_ARGUMENT,
  message: 'workload: expected JSON such as {"ns":"demo","pod":"web-1"}',
};
const badPort: Status = {
  code: Code.INVALID_ARGUMENT,
  message: 'port: expected a number from 1 to 65535',
};
