/** The inbound target: its endpoint is given, the control plane says who may come. */

import type { ResolvedTarget } from '../../api/discovery.ts';
import type { PortSpec, Server } from '../../api/gen/proxy/inbound.ts';
import type { Address } from '../../api/settings.ts';
import { assembleInbound } from './assemble.ts';
import {
  type Assembly,
  type AssemblyOwner,
  type Parts,
  pending,
  type Verdict,
} from './assembly.ts';
import { inboundMethod, readInbound, type Whole } from './methods.ts';
import { type Answer, type StreamEnv, type StreamView, WatchStream } from './watch-stream.ts';

interface InboundEnv extends StreamEnv {
  readonly workload: string;
  readonly admin: string;
  readonly version: string;
}

export class InboundAssembly implements Assembly {
  readonly #to: Address;
  readonly #owner: AssemblyOwner;
  readonly #stream: WatchStream<PortSpec, Whole<Server>>;
  #server: Whole<Server> | null = null;
  #answer: Answer | null = null;

  constructor(env: InboundEnv, to: Address, owner: AssemblyOwner) {
    this.#to = to;
    this.#owner = owner;
    const { workload, admin, version } = env;
    const request = { workload, port: to.port, heddleAdmin: admin, heddleVersion: version };
    this.#stream = new WatchStream(env, inboundMethod, request, {
      onMessage: (server) => this.#onServer(server),
      onAnswer: (answer) => this.#onAnswer(answer),
    });
  }

  start(): void {
    this.#stream.start();
  }

  close(): void {
    this.#stream.close();
  }

  verdict(): Verdict {
    if (this.#server !== null) {
      return { kind: 'ready', target: assembleInbound(this.#server.message, this.#to) };
    }
    if (this.#answer === null) return pending;
    return { kind: this.#answer === 'unsupported' ? 'unanswerable' : 'unknown' };
  }

  parts(): Parts {
    return { outbound: null, profile: null, inbound: this.#server?.bytes ?? null, set: null };
  }

  revive(parts: Parts): ResolvedTarget | null {
    const server = parts.inbound === null ? null : readInbound(parts.inbound);
    return server === null ? null : assembleInbound(server.message, this.#to);
  }

  streams(): readonly (readonly [api: string, stream: StreamView])[] {
    return [['inbound', this.#stream]];
  }

  #onServer(server: Whole<Server>): string {
    if (server.message.protocol === null) return 'a policy has no protocol';
    if (this.#server !== null && Buffer.compare(this.#server.bytes, server.bytes) === 0) {
      this.#owner.onConfirmed();
      return '';
    }
    this.#server = server;
    this.#answer = null;
    this.#owner.onChange();
    return '';
  }

  /** A policy that was known stays: to forget it could let in whom it kept out. */
  #onAnswer(answer: Answer): boolean {
    if (this.#server !== null) return true;
    this.#answer = answer;
    this.#owner.onChange();
    return answer !== 'rejected';
  }
}
