/**
 * An outbound target: its policy and its profile are asked for at the same time, then the endpoints
 * of the path that the policy names. Errors of the profile are ignored, as Linkerd's proxy does it.
 */

import type { ResolvedEndpoint, ResolvedTarget } from '../../api/discovery.ts';
import type { DestinationProfile, GetDestination } from '../../api/gen/proxy/destination.ts';
import type { OutboundPolicy, TrafficSpec } from '../../api/gen/proxy/outbound.ts';
import { profileWaitMs } from '../base/limits.ts';
import { Timer } from '../base/timers.ts';
import { isAuthority, tcpAddressOf } from './address-text.ts';
import { assembleOutbound, assembleProfile, type KnownSet, neededPath } from './assemble.ts';
import {
  type Assembly,
  type AssemblyOwner,
  type Parts,
  pending,
  type Verdict,
} from './assembly.ts';
import type { DestinationSets, SetHold } from './destination-sets.ts';
import { outboundMethod, profileMethod, readOutbound, readProfile, type Whole } from './methods.ts';
import { type Answer, type StreamEnv, type StreamView, WatchStream } from './watch-stream.ts';

interface OutboundEnv {
  readonly policy: StreamEnv;
  /** For the profile. */
  readonly destination: StreamEnv;
  readonly sets: DestinationSets;
  /** It may have a profile. */
  readonly asksProfile: boolean;
  /** It is an address to which traffic goes in any case. */
  readonly forwards: boolean;
  /** Whether an address is of this very workload. */
  readonly isLocal: (host: string) => boolean;
  readonly workload: string;
  readonly context: string;
  readonly admin: string;
  readonly version: string;
}

/** What is asked for: a name or an address, and a port; `text` is both. */
export interface Asked {
  readonly name: string;
  readonly port: number;
  readonly text: string;
}

export class OutboundAssembly implements Assembly {
  readonly #env: OutboundEnv;
  readonly #owner: AssemblyOwner;
  readonly #asked: Asked;
  readonly #policyStream: WatchStream<TrafficSpec, Whole<OutboundPolicy>>;
  readonly #profileStream: WatchStream<GetDestination, Whole<DestinationProfile>> | null;
  readonly #profileWait = new Timer({ onTimer: () => this.#settleProfile(false) });
  #policy: Whole<OutboundPolicy> | null = null;
  /** What the control plane said in place of a policy. */
  #answer: Answer | null = null;
  #profile: Whole<DestinationProfile> | null = null;
  /** It is known, or not waited for any more. */
  #profileSettled = false;
  #hold: SetHold | null = null;

  constructor(env: OutboundEnv, asked: Asked, owner: AssemblyOwner) {
    this.#env = env;
    this.#asked = asked;
    this.#owner = owner;
    this.#policyStream = new WatchStream(env.policy, outboundMethod, this.#trafficSpec(), {
      onMessage: (policy) => this.#onPolicy(policy),
      onAnswer: (answer) => this.#onPolicyAnswer(answer),
    });
    this.#profileSettled = !env.asksProfile;
    this.#profileStream = env.asksProfile ? this.#createProfileStream() : null;
  }

  start(): void {
    this.#policyStream.start();
    this.#profileStream?.start();
  }

  close(): void {
    this.#env.policy.timers.cancel(this.#profileWait);
    this.#policyStream.close();
    this.#profileStream?.close();
    this.#hold?.release();
    this.#hold = null;
  }

  verdict(): Verdict {
    if (!this.#profileSettled) return pending;
    const profile = this.#profile?.message ?? null;
    if (this.#policy === null) return this.#withoutPolicy(profile);
    if (this.#hold?.known.gone === true) return { kind: 'gone' };
    const set = this.#set();
    const target = assembleOutbound(this.#policy.message, profile, set, this.#asked.text);
    return target === null ? pending : { kind: 'ready', target: this.#localize(target) };
  }

  parts(): Parts {
    return {
      outbound: this.#policy?.bytes ?? null,
      profile: this.#profile?.bytes ?? null,
      inbound: null,
      set: this.#set(),
    };
  }

  revive(parts: Parts): ResolvedTarget | null {
    const target = this.#revive(parts);
    return target === null ? null : this.#localize(target);
  }

  streams(): readonly (readonly [api: string, stream: StreamView])[] {
    const own: [string, StreamView][] = [['outbound', this.#policyStream]];
    if (this.#profileStream !== null) own.push(['profile', this.#profileStream]);
    return this.#hold === null ? own : [...own, ['destination', this.#hold.stream]];
  }

  #revive(parts: Parts): ResolvedTarget | null {
    const profile = parts.profile === null ? null : readProfile(parts.profile);
    if (parts.profile !== null && profile === null) return null;
    if (parts.outbound === null) {
      return profile === null
        ? null
        : assembleProfile(profile.message, this.#asked, this.#env.forwards);
    }
    const policy = readOutbound(parts.outbound);
    if (policy === null) return null;
    const said = profile?.message ?? null;
    return assembleOutbound(policy.message, said, parts.set, this.#asked.text);
  }

  /** What is of this very workload is spoken to as the application itself would. */
  #localize(target: ResolvedTarget): ResolvedTarget {
    const { isLocal } = this.#env;
    if (!target.endpoints.some(({ host }) => isLocal(host))) return target;
    const endpoints = target.endpoints.map((endpoint) => {
      return isLocal(endpoint.host) ? withoutPeer(endpoint) : endpoint;
    });
    return { ...target, endpoints };
  }

  #createProfileStream(): WatchStream<GetDestination, Whole<DestinationProfile>> {
    const request = { scheme: '', path: this.#asked.text, contextToken: this.#env.context };
    return new WatchStream(this.#env.destination, profileMethod, request, {
      onMessage: (profile) => this.#onProfile(profile),
      onAnswer: (answer) => this.#onProfileAnswer(answer),
    });
  }

  #set(): KnownSet | null {
    const known = this.#hold?.known;
    if (known === undefined || known.endpoints === null) return null;
    const { endpoints, namespace, service } = known;
    return { endpoints, namespace, service };
  }

  #withoutPolicy(profile: DestinationProfile | null): Verdict {
    if (this.#answer === null) return pending;
    const target =
      profile === null ? null : assembleProfile(profile, this.#asked, this.#env.forwards);
    if (target !== null) return { kind: 'ready', target: this.#localize(target) };
    return { kind: this.#answer === 'unsupported' ? 'unanswerable' : 'unknown' };
  }

  #onPolicy(policy: Whole<OutboundPolicy>): string {
    if (policy.message.protocol === null) return 'a policy has no protocol';
    const path = neededPath(policy.message, null);
    if (path !== '' && !isAuthority(path)) return 'the path of a backend is no name with a port';
    this.#awaitProfile();
    if (sameBytes(this.#policy, policy)) {
      this.#owner.onConfirmed();
      return '';
    }
    this.#policy = policy;
    this.#answer = null;
    this.#holdSet();
    this.#owner.onChange();
    return '';
  }

  #onPolicyAnswer(answer: Answer): boolean {
    // Only a clear word takes away what is known: a wrong server does not understand us either.
    if (this.#policy !== null && answer !== 'unknown') return true;
    this.#awaitProfile();
    this.#policy = null;
    this.#answer = answer;
    this.#holdSet();
    this.#owner.onChange();
    return answer !== 'rejected';
  }

  #onProfile(profile: Whole<DestinationProfile>): string {
    if (sameBytes(this.#profile, profile)) return '';
    this.#profile = profile;
    this.#settleProfile(true);
    return '';
  }

  #onProfileAnswer(answer: Answer): boolean {
    const isLost = answer === 'unknown' && this.#profile !== null;
    if (isLost) this.#profile = null;
    this.#settleProfile(isLost);
    return answer !== 'rejected';
  }

  /** From the answer about the policy on: what it forbids must not be missed by a moment. */
  #awaitProfile(): void {
    if (this.#profileSettled || this.#profileWait.armed) return;
    this.#env.policy.timers.arm(this.#profileWait, profileWaitMs);
  }

  #settleProfile(changed: boolean): void {
    if (this.#profileSettled && !changed) return;
    this.#profileSettled = true;
    this.#env.policy.timers.cancel(this.#profileWait);
    this.#holdSet();
    this.#owner.onChange();
  }

  /** Holds the endpoints that are needed now; the new ones before the old are let go. */
  #holdSet(): void {
    const profile = this.#profile?.message ?? null;
    const path = this.#policy === null ? '' : neededPath(this.#policy.message, profile);
    if (path === (this.#hold?.path ?? '')) return;
    const before = this.#hold;
    const onChange = (): void => this.#owner.onChange();
    this.#hold = path === '' ? null : this.#env.sets.hold(path, onChange);
    before?.release();
  }

  #trafficSpec(): TrafficSpec {
    const { workload, admin, version } = this.#env;
    const { name, port, text } = this.#asked;
    const addr = tcpAddressOf(name, port);
    return {
      sourceWorkload: workload,
      target: addr === null ? { kind: 'authority', value: text } : { kind: 'addr', value: addr },
      heddleAdmin: admin,
      heddleVersion: version,
    };
  }
}

/** Nobody there proves who it is, and nothing is upgraded. */
function withoutPeer({ traits, ...endpoint }: ResolvedEndpoint): ResolvedEndpoint {
  if (traits === undefined) return endpoint;
  const nothing = {
    identity: '',
    serverName: '',
    protocolHint: '',
    opaqueTransportPort: 0,
    authorityOverride: '',
    http2: null,
  } as const;
  return { ...endpoint, traits: { ...traits, ...nothing } };
}

function sameBytes(a: Whole<unknown> | null, b: Whole<unknown>): boolean {
  return a !== null && Buffer.compare(a.bytes, b.bytes) === 0;
}
