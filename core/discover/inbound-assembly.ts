/** An inbound target: its endpoint is given, the control plane says who may come. */

import type { ResolvedTarget } from '../../api/discovery.ts';
import type { Address } from '../../api/settings.ts';
import { assembleInbound } from './assemble.ts';
import {
  type Assembly,
  type AssemblyOwner,
  type Parts,
  pending,
  type Verdict,
} from './assembly.ts';
import type { InboundPolicies, PolicyHold } from './inbound-policies.ts';
import { readInbound } from './methods.ts';
import type { StreamView } from './watch-stream.ts';

export class InboundAssembly implements Assembly {
  readonly #policies: InboundPolicies;
  readonly #to: Address;
  readonly #owner: AssemblyOwner;
  #hold: PolicyHold | null = null;

  constructor(policies: InboundPolicies, to: Address, owner: AssemblyOwner) {
    this.#policies = policies;
    this.#to = to;
    this.#owner = owner;
  }

  start(): void {
    this.#hold = this.#policies.hold(this.#to.port, this.#owner);
    // Another address of the port may have brought it already.
    const { server, answer } = this.#hold.known;
    if (server !== null || answer !== null) this.#owner.onChange();
  }

  close(): void {
    this.#hold?.release();
    this.#hold = null;
  }

  verdict(): Verdict {
    const { server = null, answer = null } = this.#hold?.known ?? {};
    if (server !== null) {
      return { kind: 'ready', target: assembleInbound(server.message, this.#to) };
    }
    if (answer === null) return pending;
    return { kind: answer === 'unsupported' ? 'unanswerable' : 'unknown' };
  }

  parts(): Parts {
    const inbound = this.#hold?.known.server?.bytes ?? null;
    return { outbound: null, profile: null, inbound, set: null };
  }

  revive(parts: Parts): ResolvedTarget | null {
    const server = parts.inbound === null ? null : readInbound(parts.inbound);
    return server === null ? null : assembleInbound(server.message, this.#to);
  }

  streams(): readonly (readonly [api: string, stream: StreamView])[] {
    return this.#hold === null ? [] : [['inbound', this.#hold.stream]];
  }
}
