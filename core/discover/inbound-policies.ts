/**
 * The policies of inbound ports: one stream for each port, however many addresses are reached on
 * it, for as long as one of them is held.
 */

import type { PortSpec, Server } from '../../api/gen/proxy/inbound.ts';
import { inboundMethod, type Whole } from './methods.ts';
import { type Answer, type StreamEnv, type StreamView, WatchStream } from './watch-stream.ts';

interface PoliciesEnv extends StreamEnv {
  readonly workload: string;
  /** Where our admin port listens, for the control plane to look. */
  readonly admin: string;
  readonly version: string;
}

interface PolicyUser {
  /** The policy or its being there has changed. */
  onChange(): void;
  /** It has been said again. */
  onConfirmed(): void;
}

export interface PolicyHold {
  readonly known: Pick<PortPolicy, 'server' | 'answer'>;
  readonly stream: StreamView;
  release(): void;
}

export class InboundPolicies {
  readonly #env: PoliciesEnv;
  readonly #ports = new Map<number, PortPolicy>();
  readonly #kept = new Set<number>();

  constructor(env: PoliciesEnv) {
    this.#env = env;
  }

  /** `user` is called when something changes, never from in here. */
  hold(port: number, user: PolicyUser): PolicyHold {
    let policy = this.#ports.get(port);
    if (policy === undefined) {
      policy = new PortPolicy(this.#env, port);
      this.#ports.set(port, policy);
      policy.stream.start();
    }
    const held = policy;
    // The same user may hold it twice.
    const one: PolicyUser = {
      onChange: () => user.onChange(),
      onConfirmed: () => user.onConfirmed(),
    };
    held.users.add(one);
    return {
      known: held,
      stream: held.stream,
      release: () => {
        if (!held.users.delete(one) || held.users.size > 0) return;
        this.#ports.delete(port);
        held.stream.close();
      },
    };
  }

  /** For good. */
  keep(port: number): void {
    this.#kept.add(port);
    this.hold(port, nobody);
  }

  /** It is held for good alone. */
  isIdle(port: number): boolean {
    return (this.#ports.get(port)?.users.size ?? 0) === 1 && this.#kept.has(port);
  }

  *streams(): Generator<readonly [port: number, stream: StreamView]> {
    for (const [port, { stream }] of this.#ports) yield [port, stream];
  }

  close(): void {
    for (const { stream } of this.#ports.values()) stream.close();
    this.#ports.clear();
  }
}

class PortPolicy {
  readonly users = new Set<PolicyUser>();
  readonly stream: WatchStream<PortSpec, Whole<Server>>;
  server: Whole<Server> | null = null;
  /** What the control plane said in place of a policy. */
  answer: Answer | null = null;

  constructor(env: PoliciesEnv, port: number) {
    const { workload, admin, version } = env;
    const request = { workload, port, heddleAdmin: admin, heddleVersion: version };
    this.stream = new WatchStream(env, inboundMethod, request, this);
  }

  onMessage(server: Whole<Server>): string {
    if (server.message.protocol === null) return 'a policy has no protocol';
    if (this.server !== null && Buffer.compare(this.server.bytes, server.bytes) === 0) {
      for (const user of Array.from(this.users)) user.onConfirmed();
      return '';
    }
    this.server = server;
    this.answer = null;
    this.#tell();
    return '';
  }

  /** A policy that was known stays: to forget it could let in whom it kept out. */
  onAnswer(answer: Answer): boolean {
    if (this.server !== null) return true;
    this.answer = answer;
    this.#tell();
    return answer !== 'rejected';
  }

  #tell(): void {
    for (const user of Array.from(this.users)) user.onChange();
  }
}

const nobody: PolicyUser = { onChange: () => undefined, onConfirmed: () => undefined };
