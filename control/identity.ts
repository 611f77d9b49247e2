/**
 * The certificates of a running control plane: the authority over its files, its own leaf, the
 * local user's token, and the looks at them that time asks for.
 */

import { join } from 'node:path';
import { authorityCheckMs, certificateFileBytesMax } from '../core/base/certificate-limits.ts';
import type { Clock } from '../core/base/clock.ts';
import { Timer, type TimerWheel } from '../core/base/timers.ts';
import type { Certificate } from '../core/identity/certificate.ts';
import type { Logger } from '../core/telemetry/log.ts';
import { Authority } from './issuer/authority.ts';
import { issuerFileNames, readAnchors, readExternalIssuer } from './issuer/external-issuer.ts';
import { IdentityFiles } from './issuer/identity-files.ts';
import { OwnLeaf } from './issuer/own-leaf.ts';
import { runAfter } from './model/delay.ts';
import type { LoadedConfig } from './model/loaded-config.ts';
import type { ControlMetrics } from './serve/metrics.ts';
import { sampleCertificates } from './serve/sample-certificates.ts';
import { watchFile } from './sources/watch-file.ts';
import { StateError, type StateFolder } from './state-folder.ts';

/** Where certificates and keys are, as flags name it. */
export interface IdentityPlaces {
  /** Of our own roots and issuer; several control planes may share it. Null: the state folder. */
  readonly identityDir: string | null;
  /** Of an issuer that others keep; null for one of our own. */
  readonly issuerDir: string | null;
  /** Trust anchors beside those of the issuer; null for none. */
  readonly trustAnchorsPath: string | null;
}

interface ControlIdentityEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly log: Logger;
  readonly config: Pick<LoadedConfig, 'trustDomain'>;
  readonly state: Pick<StateFolder, 'identityPath' | 'writeLocalToken'>;
  readonly places: IdentityPlaces;
}

/** Throws a `StateError` for trust anchors that cannot be read. */
export class ControlIdentity {
  readonly authority: Authority;
  readonly ownLeaf: OwnLeaf;
  readonly #env: ControlIdentityEnv;
  readonly #timer = new Timer({ onTimer: () => this.#check() });
  readonly #closers: (() => void)[] = [];
  #anchors: readonly Certificate[];
  #pinned: string | null = null;

  constructor(env: ControlIdentityEnv) {
    this.#env = env;
    const { clock, log, config, state, places } = env;
    const { identityDir, issuerDir, trustAnchorsPath } = places;
    const anchors = trustAnchorsPath === null ? [] : readAnchors(trustAnchorsPath);
    if ('problem' in anchors) throw new StateError(`--trust-anchors: ${anchors.problem}`);
    this.#anchors = anchors;
    const files = new IdentityFiles(identityDir ?? state.identityPath, issuerDir === null);
    this.authority = new Authority({
      clock,
      log: {
        info: (message, fields) => log.info(target, message, fields),
        warn: (message, fields) => log.warn(target, message, fields),
      },
      files,
      trustDomain: config.trustDomain,
      external: issuerDir === null ? null : readExternalIssuer(issuerDir, anchors),
      anchors,
    });
    this.ownLeaf = new OwnLeaf(this.authority, clock);
    this.authority.onChange(() => this.#pin());
    this.#pin();
    this.#check();
    this.#follow(files);
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
    for (const close of this.#closers) close();
    this.authority.close();
  }

  /** What others change: files of our own issuer too, which control planes may share. */
  #follow(files: IdentityFiles): void {
    const { issuerDir, trustAnchorsPath } = this.#env.places;
    this.#watch(files.watchedPath, () => this.authority.reload());
    if (trustAnchorsPath !== null) {
      this.#watch(trustAnchorsPath, () => this.#takeAnchors(trustAnchorsPath));
    }
    if (issuerDir === null) return;
    for (const name of issuerFileNames) {
      this.#watch(join(issuerDir, name), () => {
        this.authority.setExternal(readExternalIssuer(issuerDir, this.#anchors));
      });
    }
  }

  /** Of files that change together all are read when they have come to rest. */
  #watch(path: string, onChange: () => void): void {
    const { timers } = this.#env;
    let cancel: () => void = nothing;
    const unwatch = watchFile(path, certificateFileBytesMax, this.#env, {
      onContent: () => {
        cancel();
        cancel = runAfter(timers, restMs, onChange);
      },
      // Whoever reads it says what is wrong with it.
      onError: () => {
        cancel();
        cancel = runAfter(timers, restMs, onChange);
      },
    });
    this.#closers.push(unwatch, () => cancel());
  }

  #takeAnchors(path: string): void {
    const anchors = readAnchors(path);
    if ('problem' in anchors) {
      const { problem } = anchors;
      this.#env.log.warn(target, 'trust anchors are not taken over', { problem });
      return;
    }
    this.#anchors = anchors;
    this.authority.setAnchors(anchors);
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

function nothing(): undefined {}

const restMs = 200;
const target = 'heddle::identity';
