/**
 * The certificates of a running control plane: the authority over its files, its own leaf, the
 * local user's token, and the looks at them that time asks for.
 */

import { authorityCheckMs } from '../core/base/certificate-limits.ts';
import type { Clock } from '../core/base/clock.ts';
import { Timer, type TimerWheel } from '../core/base/timers.ts';
import type { Logger } from '../core/telemetry/log.ts';
import { Authority } from './issuer/authority.ts';
import { IdentityFiles } from './issuer/identity-files.ts';
import { OwnLeaf } from './issuer/own-leaf.ts';
import type { LoadedConfig } from './model/loaded-config.ts';
import type { ControlMetrics } from './serve/metrics.ts';
import { sampleCertificates } from './serve/sample-certificates.ts';
import type { StateFolder } from './state-folder.ts';

interface ControlIdentityEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly log: Logger;
  readonly config: Pick<LoadedConfig, 'trustDomain'>;
  readonly state: Pick<StateFolder, 'identityPath' | 'writeLocalToken'>;
}

export class ControlIdentity {
  readonly authority: Authority;
  readonly ownLeaf: OwnLeaf;
  readonly #env: ControlIdentityEnv;
  readonly #timer = new Timer({ onTimer: () => this.#check() });
  #pinned: string | null = null;

  constructor(env: ControlIdentityEnv) {
    this.#env = env;
    const { clock, log, config } = env;
    this.authority = new Authority({
      clock,
      log: {
        info: (message, fields) => log.info(target, message, fields),
        warn: (message, fields) => log.warn(target, message, fields),
      },
      files: new IdentityFiles(env.state.identityPath, true),
      trustDomain: config.trustDomain,
      external: null,
      anchors: [],
    });
    this.ownLeaf = new OwnLeaf(this.authority, clock);
    this.authority.onChange(() => this.#pin());
    this.#pin();
    this.#check();
  }

  /** Before a scrape. */
  sample(metrics: ControlMetrics): void {
    const { view } = this.authority;
    sampleCertificates(metrics, view, this.ownLeaf.endMs, this.#env.clock.wallMs());
    const waiting = view.phase === 'idle' ? 0 : this.authority.waitingFor().length;
    metrics.set('heddle_control_rotation_unconfirmed', {}, waiting);
  }

  close(): void {
    this.#env.timers.cancel(this.#timer);
  }

  #check(): void {
    this.#env.timers.arm(this.#timer, authorityCheckMs);
    this.authority.check();
    this.ownLeaf.check();
  }

  /** The local user's token names the trust anchors that there are. */
  #pin(): void {
    const { digest, anchors } = this.authority.view;
    if (digest === this.#pinned) return;
    const pins = anchors.map(({ fingerprint }) => fingerprint);
    const { trustDomain } = this.#env.config;
    try {
      this.#env.state.writeLocalToken({ trustDomain, pins }, this.#env.clock.wallMs());
      this.#pinned = digest;
    } catch (error) {
      this.#env.log.warn(target, 'the local token cannot be written', { error: String(error) });
    }
  }
}

const target = 'heddle::identity';
