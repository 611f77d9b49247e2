/**
 * What the mesh knows, by watches of a control plane. Only what somebody watches is asked for, a
 * little longer than it is watched; the rest of the mesh costs nothing here.
 */

import { join } from 'node:path';
import {
  absentTarget,
  type Discovery,
  type ResolvedTarget,
  type SourceStatus,
} from '../../api/discovery.ts';
import type { GetDestination } from '../../api/gen/proxy/destination.ts';
import type { Address } from '../../api/settings.ts';
import type { Clock } from '../base/clock.ts';
import { inboundLingerMs, outboundLingerMs, targetsMax } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { TimerWheel } from '../base/timers.ts';
import type { Io } from '../io/io.ts';
import { formatAddress, isAuthority, splitAuthority } from './address-text.ts';
import { assembleInbound } from './assemble.ts';
import { ControlChannel, type ControlClient } from './control-channel.ts';
import { createCounters } from './counters.ts';
import { DestinationSets } from './destination-sets.ts';
import { InboundAssembly } from './inbound-assembly.ts';
import { profileMethod } from './methods.ts';
import { type Asked, OutboundAssembly } from './outbound-assembly.ts';
import { StateStore } from './state-store.ts';
import { type TargetTraits, TargetWatch } from './target-watch.ts';
import { type StreamEnv, type StreamLimits, WatchStream } from './watch-stream.ts';

interface RemoteDiscoveryEnv {
  /** Around what is sent outside of an event of a connection. */
  readonly io: Pick<Io, 'enter' | 'leave'>;
  /** `anonymous`: it shows no certificate. */
  readonly openClient: (address: Address, anonymous: boolean) => ControlClient;
  /** Whether the control plane there answers us as we are now. */
  readonly isOpenTo: (address: Address) => boolean;
  /** Whether connections there show a certificate. */
  readonly isSecured: (address: Address) => boolean;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly random: Random;
  readonly log: {
    info(message: string, fields?: Readonly<Record<string, string | number>>): void;
    warn(message: string, fields?: Readonly<Record<string, string | number>>): void;
  };
  /** Follows the control plane's addresses; what was told last stays after an error. */
  readonly followControl: (
    onAddresses: (addresses: readonly Address[]) => void,
    onError: (reason: string) => void,
  ) => () => void;
  /** Where the application dialled, for what the control plane does not know or cannot tell. */
  readonly unmeshed: Discovery;
}

export interface RemoteDiscoverySettings {
  /** The control plane as it was configured, for texts. */
  readonly control: string;
  readonly workload: string;
  /** Where our admin port listens, for the control plane to look; '' for nowhere. */
  readonly admin: string;
  readonly version: string;
  readonly inboundTo: Address | null;
  readonly passthrough: 'refuse' | 'allow';
  readonly stateDir: string | null;
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
  readonly channel: ControlChannel;
  readonly #env: RemoteDiscoveryEnv;
  readonly #settings: RemoteDiscoverySettings;
  readonly #streamEnv: StreamEnv;
  readonly #sets: DestinationSets;
  readonly #store: StateStore | null;
  readonly #watches = new Map<string, TargetWatch>();
  readonly #probe: WatchStream<GetDestination, unknown> | null;
  readonly #stopFollowing: () => void;
  #answered = false;
  #controlError: string | null = null;

  constructor(env: RemoteDiscoveryEnv, settings: RemoteDiscoverySettings) {
    const { clock, timers, random, log } = env;
    this.#env = env;
    this.#settings = settings;
    this.channel = new ControlChannel({
      clock,
      random,
      openClient: env.openClient,
      isOpenTo: env.isOpenTo,
      isSecured: env.isSecured,
    });
    this.#streamEnv = {
      clock,
      timers,
      random,
      channel: this.channel,
      limits: settings.stream,
      counters: this.counters,
      onAnswered: () => this.#onAnswered(),
    };
    this.#sets = new DestinationSets({
      ...this.#streamEnv,
      log,
      contextToken: settings.workload,
    });
    const storeEnv = { clock, timers, log, counters: this.counters };
    const { stateDir, workload } = settings;
    // Others keep other things there.
    const folder = stateDir === null ? null : join(stateDir, 'targets');
    this.#store = folder === null ? null : new StateStore(storeEnv, folder, workload);
    void this.#lookAtStates();
    this.#probe = settings.inboundTo === null ? this.#openProbe() : null;
    this.#stopFollowing = env.followControl(
      (addresses) => this.#follow(addresses),
      (reason) => this.#followFailed(reason),
    );
    // Wanted as soon as there is traffic, and its answer says that the control plane is there.
    if (settings.inboundTo !== null) this.watch('inbound:', () => undefined);
  }

  /** Why nothing is known yet, as a sentence; '' from the first answer or state on. */
  get notReady(): string {
    if (this.#answered) return '';
    const { control } = this.#settings;
    if (this.#controlError !== null) {
      return `the control plane ${control} is not found: ${this.#controlError}`;
    }
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
  }

  close(): void {
    this.#stopFollowing();
    this.#probe?.close();
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
    this.#sets.close();
    this.channel.close();
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
    if (kind === 'inbound') return this.#openInbound(key);
    const asked = askedOf(kind, value);
    if (asked === null) return 'it is no name that could be asked for';
    const mayFallBack = kind !== 'bind' && this.#settings.passthrough === 'allow';
    const traits = {
      key,
      lingerMs: outboundLingerMs,
      keepsKnown: false,
      fallBack: mayFallBack ? this.#unmeshed(key) : null,
      fallbackText: 'traffic goes to where the application dialled, unmeshed',
    };
    const { workload, admin, version } = this.#settings;
    const env = { ...this.#streamEnv, sets: this.#sets, workload, admin, version };
    return this.#create(traits, (owner) => new OutboundAssembly(env, asked, owner));
  }

  #openInbound(key: string): TargetWatch | string {
    const { inboundTo, workload, admin, version } = this.#settings;
    if (inboundTo === null) return 'this proxy has no inbound target';
    const open = assembleInbound(null, inboundTo);
    const traits: TargetTraits = {
      key,
      lingerMs: inboundLingerMs,
      keepsKnown: true,
      fallBack: (tell) => {
        tell(open);
        return () => undefined;
      },
      fallbackText: 'everyone is let in, without a policy',
    };
    const env = { ...this.#streamEnv, workload, admin, version };
    return this.#create(traits, (owner) => new InboundAssembly(env, inboundTo, owner));
  }

  #create(
    traits: TargetTraits,
    assemble: ConstructorParameters<typeof TargetWatch>[2],
  ): TargetWatch {
    const { clock, timers, log } = this.#env;
    const { workload, control } = this.#settings;
    const env = {
      clock,
      timers,
      log,
      counters: this.counters,
      store: this.#store,
      workload,
      control,
      isHopeless: () => this.#isHopeless(),
      onLoaded: () => {
        this.#answered = true;
      },
    };
    return new TargetWatch(env, traits, assemble, (watch) => this.#drop(watch));
  }

  /** Nobody is there to be asked, as far as is known. */
  #isHopeless(): boolean {
    const { state } = this.channel;
    return state === 'failing' || (state === 'none' && this.#controlError !== null);
  }

  #unmeshed(key: string): TargetTraits['fallBack'] {
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

  #follow(addresses: readonly Address[]): void {
    if (addresses.length > 0) this.#controlError = null;
    this.#env.io.enter();
    this.channel.setAddresses(addresses);
    this.#env.io.leave();
  }

  #followFailed(reason: string): void {
    this.#controlError = reason;
    this.#env.log.warn('the control plane is not found', {
      control: this.#settings.control,
      reason,
    });
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
    const { control, workload } = this.#settings;
    const request = { scheme: '', path: control, contextToken: workload };
    const probe = new WatchStream<GetDestination, unknown>(
      this.#streamEnv,
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

function askedOf(kind: string, value: string): Asked | null {
  const split = splitAuthority(value.toLowerCase());
  if (split === null) return null;
  const port = split.port ?? (kind === 'sni' ? tlsPort : httpPort);
  const name = split.name.endsWith('.') ? split.name.slice(0, -1) : split.name;
  const text = formatAddress({ host: name, port });
  return isAuthority(text) ? { name, port, text } : null;
}

const httpPort = 80;
const tlsPort = 443;
