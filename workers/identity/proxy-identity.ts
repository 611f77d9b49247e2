/**
 * The identity of this process, wired in one place: files, certifier, the stream of trust, and the
 * workers, which are told of each change.
 */

import { join } from 'node:path';
import type { CertifyRequest, CertifyResponse } from '../../api/gen/proxy/identity.ts';
import type { IdentitySnapshot } from '../../api/identity.ts';
import type { ProxySettings } from '../../api/settings.ts';
import { formatAddress } from '../../control/model/address.ts';
import type { Clock } from '../../core/base/clock.ts';
import { identityRenewMaxMs } from '../../core/base/limits.ts';
import { systemRandom } from '../../core/base/random.ts';
import { Timer, type TimerWheel } from '../../core/base/timers.ts';
import { certify } from '../../core/discover/certify-call.ts';
import { TrustStream } from '../../core/discover/trust-stream.ts';
import { Certifier, noAnchors } from '../../core/identity/certifier.ts';
import { keyDer, keyPem } from '../../core/identity/csr.ts';
import { controlNameOf } from '../../core/identity/names.ts';
import type { Logger } from '../../core/telemetry/log.ts';
import type { TlsContexts } from '../../core/tls/contexts.ts';
import { identitySpans } from '../log-spans.ts';
import type { MainMetrics } from '../metrics.ts';
import type { ControlAccess } from '../proxy-discovery.ts';
import { readBeginning } from './beginning.ts';
import { IdentityBroadcast } from './broadcast.ts';
import { IdentityFiles } from './identity-files.ts';
import { readSources } from './sources.ts';

export interface IdentityEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly log: Logger;
  readonly metrics: MainMetrics;
  readonly tls: TlsContexts;
  readonly control: ControlAccess;
  readonly send: (worker: number, identity: IdentitySnapshot) => void;
  /** It has been said who the proxy is, if that is known; what is certified is said later. */
  readonly onNamed: () => void;
  /** All workers have a certificate, for the first time. */
  readonly onCertified: () => void;
}

export class ProxyIdentity {
  readonly #settings: ProxySettings;
  readonly #env: IdentityEnv;
  readonly #log: CertifierLog;
  readonly #files: IdentityFiles | null;
  readonly #broadcast: IdentityBroadcast;
  /** What was verified by an anchor that has left is dialled anew. */
  readonly #renewal = new Timer({
    onTimer: () => this.#env.control.renew(),
  });
  #certifier: Certifier | null = null;
  #trust: TrustStream | null = null;
  #keyPem = '';
  /** It never becomes unready again, as Linkerd's proxies. */
  #wasCertified = false;
  #saidName: string | null = null;

  constructor(settings: ProxySettings, env: IdentityEnv) {
    this.#settings = settings;
    this.#env = env;
    this.#log = logOf(env.log, settings.controlIdentity || settings.control);
    const { stateDir } = settings;
    const isKept = stateDir !== 'off' && stateDir !== '';
    this.#files = isKept ? new IdentityFiles(this.#log, join(stateDir, 'identity')) : null;
    this.#broadcast = new IdentityBroadcast({
      send: env.send,
      onConfirmed: () => this.#onConfirmed(),
    });
  }

  /** What a worker starts with. */
  get snapshot(): IdentitySnapshot | null {
    return this.#broadcast.snapshot;
  }

  get workers(): Pick<IdentityBroadcast, 'workerReady' | 'workerEnded' | 'identified'> {
    return this.#broadcast;
  }

  /** Why there should be no traffic yet, as a sentence; '' once it is certified. */
  get notReady(): string {
    if (this.#wasCertified) return '';
    const error = this.#certifier?.error ?? '';
    return `it has no certificate yet: ${error === '' ? 'it has asked for one' : error}`;
  }

  /** Rejects with an `IdentityError` when a file that it cannot do without is not there. */
  async start(): Promise<void> {
    const { clock, timers, metrics } = this.#env;
    const beginning = await readBeginning(this.#settings, {
      files: this.#files,
      nowWallMs: clock.wallMs(),
      warn: this.#log.warn,
    });
    const sources = await readSources(this.#settings);
    const { identity, identityRefreshMinMs: minMs, identityRefreshMaxMs: maxMs } = this.#settings;
    const certifier: Certifier = new Certifier(
      {
        clock,
        timers,
        random: systemRandom(),
        log: this.#log,
        readSources: () => readSources(this.#settings),
        certify: (request) => this.#certify(certifier, request),
        onChange: () => this.#onChange(),
        onAnswer: (result) => {
          metrics.count('control_identity_cert_refreshes_total', { result });
        },
      },
      { identity, minMs, maxMs },
      beginning,
    );
    this.#certifier = certifier;
    this.#keyPem = keyPem(certifier.key);
    this.#sayName();
    this.#env.onNamed();
    this.#onChange();
    certifier.start(sources);
  }

  show(): object {
    const certifier = this.#certifier;
    const { leaf = null, bundle = null } = certifier ?? {};
    return {
      name: certifier?.name ?? null,
      state: certifier?.state ?? 'uncertified',
      notBefore: timeText(leaf?.startMs),
      notAfter: timeText(leaf?.endMs),
      refreshed: timeText(certifier?.refreshedWallMs),
      issuer: leaf?.issuer ?? '',
      bundle: bundle?.digest ?? '',
      anchors: bundle?.roots.length ?? 0,
      generation: this.snapshot?.generation ?? 0,
      confirmed: this.#broadcast.confirmed,
      trust: this.#trust?.view ?? null,
      error: certifier?.error ?? '',
    };
  }

  async close(): Promise<void> {
    this.#certifier?.close();
    this.#trust?.close();
    this.#env.timers.cancel(this.#renewal);
    await this.#files?.close();
  }

  /** Says who the proxy is, as soon as it is known. */
  #sayName(): void {
    const name = this.#certifier?.name ?? null;
    if (name === null || name === this.#saidName) return;
    this.#saidName = name;
    this.#env.log.info('heddle', `SNI is ${name}`);
    this.#env.log.info('heddle', `Local identity is ${name}`);
  }

  #onChange(): void {
    const { name = null, leaf = null, bundle = null, key } = this.#certifier ?? {};
    this.#sayName();
    if (name === null || key === undefined) return;
    const { metrics } = this.#env;
    if (leaf !== null) {
      metrics.set('control_identity_cert_expiration_timestamp_seconds', {}, leaf.endMs / 1000);
    }
    const refreshedMs = this.#certifier?.refreshedWallMs ?? null;
    if (refreshedMs !== null) {
      metrics.set('control_identity_cert_refresh_timestamp_seconds', {}, refreshedMs / 1000);
    }
    const chain = leaf?.chain.map(({ pem }) => pem).join('') ?? '';
    const roots = bundle?.pem ?? '';
    const isOwnKey = this.#settings.identityDir === '';
    if (leaf !== null)
      this.#files?.save({ key: isOwnKey ? keyDer(key) : null, leaf: chain, bundle: roots });
    const snapshot = this.#broadcast.publish(
      { name, key: chain === '' ? '' : this.#keyPem, chain, roots },
      {
        bundle: bundle?.digest ?? '',
        issuer: leaf?.issuer ?? '',
        leafExpiresMs: leaf?.endMs ?? 0,
      },
    );
    this.#useItself(snapshot);
  }

  /** For main's own connections. */
  #useItself(snapshot: IdentitySnapshot): void {
    const { tls, control } = this.#env;
    const { certified, distrusts } = tls;
    tls.replace(snapshot);
    // Without a certificate the control plane answered hardly anything.
    if (tls.certified && !certified) control.renew();
    else if (tls.distrusts !== distrusts) {
      this.#env.timers.arm(this.#renewal, systemRandom().float() * identityRenewMaxMs);
    }
  }

  /**
   * Whoever cannot verify the control plane looks for a trust anchor that its token pins: at first,
   * or when the mesh has another one than when this proxy was here last.
   */
  async #certify(certifier: Certifier, request: CertifyRequest): Promise<CertifyResponse | string> {
    const { timers, control } = this.#env;
    const { bundle, error } = certifier;
    if (bundle === null || error !== '' || !certifier.isVouchedFor()) {
      const problem = await this.#findAnchor(certifier, request.identity);
      if (problem !== '' && certifier.bundle === null) return problem;
    }
    return certify({ timers, channel: control.plane.channel }, request);
  }

  /** Returns why there is none, or '' when there is, or when there is nobody to look at. */
  async #findAnchor(certifier: Certifier, name: string): Promise<string> {
    const { plane, isSecured, findPinned, serverName: told } = this.#env.control;
    const secured = plane.channel.addresses.filter(isSecured).slice(0, probesMax);
    const serverName = told === '' ? (controlNameOf(name) ?? '') : told;
    let problem = '';
    for (const address of secured) {
      if (certifier.missingPins.size === 0) return noAnchors;
      const found = await findPinned(address, serverName, certifier.missingPins);
      if (typeof found !== 'string') return certifier.addPinned(found);
      problem = `${formatAddress(address)}: ${found}`;
    }
    return problem;
  }

  /** All workers have it. */
  #onConfirmed(): void {
    const { bundle, issuer, leafExpiresMs } = this.#broadcast.confirmed;
    if (issuer === '') return;
    if (!this.#wasCertified) {
      this.#wasCertified = true;
      this.#env.onCertified();
    }
    const said = {
      workload: this.#settings.workload,
      identity: this.#certifier?.name ?? '',
      bundle,
      issuer,
      leafExpiresMs: BigInt(Math.round(leafExpiresMs)),
    };
    if (this.#trust === null) this.#trust = this.#openTrust(said);
    else this.#trust.say(said);
  }

  #openTrust(said: ConstructorParameters<typeof TrustStream>[1]): TrustStream {
    const { clock, timers, control } = this.#env;
    const { counters, plane } = control;
    const { channel } = plane;
    return new TrustStream(
      {
        clock,
        timers,
        random: systemRandom(),
        channel,
        counters,
        // Another control plane than Heddle's may not know it, and Heddle's may take its place.
        isForGood: control.serverName !== '',
        onTrust: ({ trustBundle, issuer }) => {
          const refusal = trustBundle.length === 0 ? '' : this.#certifier?.offerBundle(trustBundle);
          if (refusal) this.#log.warn('trust anchors are not believed', { reason: refusal });
          if (issuer !== '') this.#certifier?.wantIssuer(issuer);
          return '';
        },
      },
      said,
    );
  }
}

type Fields = Readonly<Record<string, string | number>>;
type CertifierLog = Record<'info' | 'warn' | 'error', (message: string, fields?: Fields) => void>;

/** What is well is told of the proxy, what is wrong of whom it asks. */
function logOf(log: Logger, server: string): CertifierLog {
  const asking = identitySpans(server);
  return {
    info: (message, fields) => log.info(target, message, fields, identitySpans('')),
    warn: (message, fields) => log.warn(target, message, fields, asking),
    error: (message, fields) => log.error(target, message, fields, asking),
  };
}

function timeText(wallMs: number | null | undefined): string | null {
  return wallMs == null ? null : new Date(wallMs).toISOString();
}

const target = 'heddle::identity';
/** Control planes that are looked at for a trust anchor. */
const probesMax = 3;
