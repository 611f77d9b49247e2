/**
 * What the mesh knows, by watches of a control plane. Only what somebody watches is asked for, a
 * little longer than it is watched; the rest of the mesh costs nothing here.
 */

import { isIP } from 'node:net';
import { join } from 'node:path';
import {
  absentTarget,
  type Discovery,
  type ResolvedTarget,
  type SourceStatus,
} from '../../api/discovery.ts';
import type { GetDestination } from '../../api/gen/proxy/destination.ts';
import type { Address, ProxySettings } from '../../api/settings.ts';
import type { Clock } from '../base/clock.ts';
import { fallbackAfterMs, inboundLingerMs, outboundLingerMs, targetsMax } from '../base/limits.ts';
import { defaultPolicyAfterMs, inboundPortsMax } from '../base/policy-limits.ts';
import type { Random } from '../base/random.ts';
import type { TimerWheel } from '../base/timers.ts';
import { formatAddress, isAuthority, splitAuthority } from './address-text.ts';
import { assembleInbound } from './assemble.ts';
import type { ControlPlanes } from './control-plane.ts';
import { createCounters } from './counters.ts';
import { type DefaultPolicySettings, defaultServer } from './default-policy.ts';
import { DestinationSets } from './destination-sets.ts';
import { InboundAssembly } from './inbound-assembly.ts';
import { InboundPolicies } from './inbound-policies.ts';
import { profileMethod } from './methods.ts';
import { type Asked, OutboundAssembly } from './outbound-assembly.ts';
import { ProfileRules } from './profile-rules.ts';
import { StateStore } from './state-store.ts';
import { type TargetTraits, TargetWatch } from './target-watch.ts';
import { type StreamEnv, type StreamLimits, WatchStream } from './watch-stream.ts';

interface RemoteDiscoveryEnv {
  /** Closed by whoever made them, after this. */
  readonly planes: Pick<ControlPlanes, 'destination' | 'policy'>;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly random: Random;
  readonly log: {
    info(message: string, fields?: Readonly<Record<string, string | number>>): void;
    warn(message: string, fields?: Readonly<Record<string, string | number>>): void;
  };
  /** Where the application dialled, for what the control plane does not know or cannot tell. */
  readonly unmeshed: Discovery;
}

export interface RemoteDiscoverySettings
  extends DefaultPolicySettings,
    Pick<ProxySettings, 'inboundPorts' | 'inboundIps' | 'profileSuffixes' | 'profileNetworks'> {
  readonly workload: string;
  /** What is said of the proxy where endpoints and profiles are asked for. */
  readonly context: string;
  /** Where our admin port listens, for the control plane to look; '' for nowhere. */
  readonly admin: string;
  readonly version: string;
  readonly inboundTo: Address | null;
  readonly passthrough: 'refuse' | 'allow';
  /** Connections are redirected to it: it is ready without a word of a control plane. */
  readonly redirected: boolean;
  readonly stateDir: string | null;
  /** Whose states they are: who it is at the next start as well, unlike `workload`. */
  readonly stateOwner: string;
  readonly stream: StreamLimits;
}

/** A stream as `/watches` shows it. */
interface WatchRow {
  readonly key: string;
  readonly api: string;
  readonly phase: string;
  /** Since it came into its phase. */
  readonly ageMs: number;
  readonly attempts: number;
  readonly error: string | null;
  readonly source: string;
  readonly address: string;
}

export class RemoteDiscovery implements Discovery {
  readonly counters = createCounters();
  readonly #env: RemoteDiscoveryEnv;
  readonly #settings: RemoteDiscoverySettings;
  readonly #destinationEnv: StreamEnv;
  readonly #policyEnv: StreamEnv;
  readonly #sets: DestinationSets;
  readonly #policies: InboundPolicies;
  readonly #profiles: ProfileRules;
  readonly #inboundIps: ReadonlySet<string>;
  readonly #store: StateStore | null;
  readonly #watches = new Map<string, TargetWatch>();
  readonly #probe: WatchStream<GetDestination, unknown> | null;
  #answered = false;

  constructor(env: RemoteDiscoveryEnv, settings: RemoteDiscoverySettings) {
    const { clock, timers, random, log, planes } = env;
    const { workload, context, admin, version, stateDir, stateOwner } = settings;
    this.#env = env;
    this.#settings = settings;
    const streamEnv = {
      clock,
      timers,
      random,
      limits: settings.stream,
      counters: this.counters,
      onAnswered: () => this.#onAnswered(),
    };
    this.#destinationEnv = { ...streamEnv, channel: planes.destination.channel };
    this.#policyEnv = { ...streamEnv, channel: planes.policy.channel };
    this.#sets = new DestinationSets({ ...this.#destinationEnv, log, contextToken: context });
    this.#policies = new InboundPolicies({ ...this.#policyEnv, workload, admin, version });
    this.#profiles = new ProfileRules(settings.profileSuffixes, settings.profileNetworks);
    this.#inboundIps = new Set(settings.inboundIps);
    const storeEnv = { clock, timers, log, counters: this.counters };
    // Others keep other things there.
    const folder = stateDir === null ? null : join(stateDir, 'targets');
    this.#store = folder === null ? null : new StateStore(storeEnv, folder, stateOwner);
    void this.#lookAtStates();
    const isAsked = settings.inboundTo !== null || settings.redirected;
    this.#probe = isAsked ? null : this.#openProbe();
    // Wanted as soon as there is traffic, and its answer says that the control plane is there.
    if (settings.inboundTo !== null) this.watch('inbound:', () => undefined);
    this.#holdPorts();
  }

  /** Why nothing is known yet, as a sentence; '' from the first answer or state on. */
  get notReady(): string {
    if (this.#answered || this.#settings.redirected) return '';
    const { text: control, error: notFound } = this.#env.planes.destination;
    if (notFound !== null) return `the control plane ${control} is not found: ${notFound}`;
    const inbound = this.#watches.get('inbound:')?.status().error;
    const error = this.#probe?.error ?? inbound ?? 'it has not answered yet';
    return `the control plane ${control} has said nothing yet: ${error}`;
  }

  watch(key: string, onChange: (target: ResolvedTarget) => void): () => void {
    let watch = this.#watches.get(key);
    if (watch === undefined) {
      const opened = this.#open(key);
      if (typeof opened === 'string') return this.#refuse(key, opened, onChange);
      watch = opened;
      this.#watches.set(key, watch);
      const unwatch = watch.watch(onChange);
      watch.start();
      return unwatch;
    }
    return watch.watch(onChange);
  }

  status(key: string): SourceStatus {
    const none = { kind: 'none', location: '', confirmedWallMs: null, error: null } as const;
    return this.#watches.get(key)?.status() ?? none;
  }

  /** Every stream of every target; those that targets share are shown with each. */
  *watches(): Generator<WatchRow> {
    const nowMs = this.#env.clock.monotonicMs();
    for (const watch of this.#watches.values()) {
      const { key, source } = watch;
      for (const [api, { phase, sinceMs, attempts, error, address }] of watch.streams()) {
        yield { key, api, phase, ageMs: nowMs - sinceMs, attempts, error, source, address };
      }
    }
    // Those of ports that nobody has come to yet are shown as well.
    for (const [port, { phase, sinceMs, attempts, error, address }] of this.#policies.streams()) {
      const row = { phase, ageMs: nowMs - sinceMs, attempts, error, source: 'none', address };
      if (this.#policies.isIdle(port)) yield { key: `port:${port}`, api: 'inbound', ...row };
    }
  }

  close(): void {
    this.#probe?.close();
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
    this.#sets.close();
    this.#policies.close();
    void this.#store?.close();
  }

  /** A string is why there is no such target. */
  #open(key: string): TargetWatch | string {
    if (this.#watches.size >= targetsMax && !this.#dropIdle()) {
      return `${targetsMax} targets are watched already`;
    }
    const colon = key.indexOf(':');
    const kind = key.slice(0, colon);
    const value = key.slice(colon + 1);
    if (kind === 'inbound') return this.#openInbound(key, value);
    const asked = askedOf(kind, value);
    if (asked === null) return 'it is no name that could be asked for';
    const { workload, context, admin, version } = this.#settings;
    const traits = {
      key,
      lingerMs: outboundLingerMs,
      keepsKnown: false,
      fallbackAfterMs,
      fallBack: this.#fallbackOf(kind, key, asked),
      fallbackText: 'traffic goes to where the application dialled, unmeshed',
    };
    const env = {
      policy: this.#policyEnv,
      destination: this.#destinationEnv,
      sets: this.#sets,
      forwards: kind === 'addr',
      asksProfile: this.#profiles.asks(asked.name),
      isLocal: (host: string) => this.#inboundIps.has(host),
      workload,
      context,
      admin,
      version,
    };
    return this.#create(traits, (owner) => new OutboundAssembly(env, asked, owner));
  }

  #openInbound(key: string, value: string): TargetWatch | string {
    const to = value === '' ? this.#settings.inboundTo : addressOf(value);
    if (to === null) {
      return value === '' ? 'this proxy has no inbound target' : 'it is no address with a port';
    }
    const fixed = assembleInbound(defaultServer(to.port, this.#settings), to);
    const { inboundDefaultPolicy: name } = this.#settings;
    const traits: TargetTraits = {
      key,
      lingerMs: inboundLingerMs,
      keepsKnown: true,
      fallbackAfterMs: value === '' ? fallbackAfterMs : defaultPolicyAfterMs,
      fallBack: (tell) => {
        tell(fixed);
        return () => undefined;
      },
      fallbackText:
        name === 'all-unauthenticated'
          ? 'everyone is let in, without a policy'
          : `a port has no policy, and the default holds: ${name}`,
    };
    return this.#create(traits, (owner) => new InboundAssembly(this.#policies, to, owner));
  }

  /** Those of ports that are known from the start, for good. */
  #holdPorts(): void {
    const ports = new Set<number>();
    for (const [from, to] of this.#settings.inboundPorts) {
      for (let port = from; port <= to && ports.size < inboundPortsMax; port++) ports.add(port);
    }
    for (const port of ports) this.#policies.keep(port);
  }

  #create(
    traits: TargetTraits,
    assemble: ConstructorParameters<typeof TargetWatch>[2],
  ): TargetWatch {
    const { clock, timers, log, planes } = this.#env;
    const asked = traits.keepsKnown ? [planes.policy] : [planes.policy, planes.destination];
    const env = {
      clock,
      timers,
      log,
      counters: this.counters,
      store: this.#store,
      workload: this.#settings.stateOwner,
      control: planes.policy.text,
      isHopeless: () => asked.some(({ hopeless }) => hopeless),
      onLoaded: () => {
        this.#answered = true;
      },
    };
    return new TargetWatch(env, traits, assemble, (watch) => this.#drop(watch));
  }

  /** Where it goes without the control plane. */
  #fallbackOf(kind: string, key: string, asked: Asked): TargetTraits['fallBack'] {
    if (kind === 'addr') {
      const target = addressTarget(asked);
      return (tell) => {
        tell(target);
        return () => undefined;
      };
    }
    if (kind === 'bind' || this.#settings.passthrough !== 'allow') return null;
    return (tell) => this.#env.unmeshed.watch(key, tell);
  }

  /** What cannot be asked for does not exist; for want of room nothing is said. */
  #refuse(key: string, reason: string, onChange: (target: ResolvedTarget) => void): () => void {
    this.#env.log.warn('a target is not watched', { target: key, reason });
    if (this.#watches.size < targetsMax) onChange(absentTarget);
    return () => undefined;
  }

  #dropIdle(): boolean {
    for (const watch of this.#watches.values()) {
      if (!watch.idle) continue;
      this.#drop(watch);
      return true;
    }
    return false;
  }

  #drop(watch: TargetWatch): void {
    this.#watches.delete(watch.key);
    watch.close();
  }

  async #lookAtStates(): Promise<void> {
    if ((await this.#store?.hasUsable()) === true) this.#answered = true;
  }

  #onAnswered(): void {
    this.#answered = true;
    this.#probe?.close();
  }

  /** Without a target that is always watched, somebody has to ask something. */
  #openProbe(): WatchStream<GetDestination, unknown> {
    const { text: path } = this.#env.planes.destination;
    const request = { scheme: '', path, contextToken: this.#settings.context };
    const probe = new WatchStream<GetDestination, unknown>(
      this.#destinationEnv,
      profileMethod,
      request,
      {
        onMessage: () => '',
        onAnswer: () => false,
      },
    );
    probe.start();
    return probe;
  }
}

/** That very address, which no control plane knows. */
function addressTarget({ name: host, port, text }: Asked): ResolvedTarget {
  return {
    state: 'ready',
    authority: text,
    namespace: '',
    service: '',
    protocol: 'auto',
    endpoints: [{ host, port, weight: 1, zone: '' }],
  };
}

function addressOf(value: string): Address | null {
  const split = splitAuthority(value);
  if (split === null || split.port === null || isIP(split.name) === 0) return null;
  return { host: split.name, port: split.port };
}

function askedOf(kind: string, value: string): Asked | null {
  const split = splitAuthority(value.toLowerCase());
  if (split === null) return null;
  if (kind === 'addr' && (split.port === null || isIP(split.name) === 0)) return null;
  const port = split.port ?? (kind === 'sni' ? tlsPort : httpPort);
  const name = split.name.endsWith('.') ? split.name.slice(0, -1) : split.name;
  const text = formatAddress({ host: name, port });
  return isAuthority(text) ? { name, port, text } : null;
}

const httpPort = 80;
const tlsPort = 443;
