/**
 * Gets a certificate, and the next one in time, for as long as the proxy lives:
 *
 * ```
 *  uncertified --good answer--> certified --70 %, or another issuer is wanted--> (asks)
 *     ^   |                      ^  ^  |                                            |
 *     |   +-- failed: backs off  |  |  +-- failed: failing, asks again sooner <-----+
 *     |                          |  +------ good answer ----------------------------+
 *  expired <-- the leaf's end ---+
 * ```
 *
 * It decides what is believed and when to ask. Files, calls and threads are its owner's business.
 * The old certificate stays until its end, whatever fails; trust anchors are only ever replaced by
 * others that one of those believed so far is among.
 */

import type { KeyObject } from 'node:crypto';
import type { CertifyRequest, CertifyResponse } from '../../api/gen/proxy/identity.ts';
import type { Clock } from '../base/clock.ts';
import { identityTickMs, identityWaitLogMs } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { Timer, type TimerOwner, type TimerWheel } from '../base/timers.ts';
import { readBundle, type TrustBundle } from './certificate.ts';
import { createRequest } from './csr.ts';
import { checkLeaf, type Leaf } from './leaf.ts';
import { completeName } from './names.ts';
import { type RefreshLimits, refreshWaitMs, reissueWaitMs, retryWaitMs } from './refresh.ts';
import { noHints, readTokenHints } from './token.ts';

/** What files say now. */
export interface IdentitySources {
  /** '' for none. */
  readonly token: string;
  readonly anchors: TrustBundle | null;
  /** What cannot be read of them, as a sentence; or ''. */
  readonly problem: string;
}

interface CertifierEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly random: Random;
  readonly log: {
    info(message: string, fields?: Readonly<Record<string, string | number>>): void;
    warn(message: string, fields?: Readonly<Record<string, string | number>>): void;
    error(message: string, fields?: Readonly<Record<string, string | number>>): void;
  };
  readonly readSources: () => Promise<IdentitySources>;
  /** The answer, or why there is none; it ends by itself. */
  readonly certify: (request: CertifyRequest) => Promise<CertifyResponse | string>;
  /** Name, leaf or trust anchors are others now. */
  readonly onChange: () => void;
  readonly onAnswer: (result: 'ok' | 'error') => void;
}

interface CertifierSettings extends RefreshLimits {
  /** `web.demo`, or a whole name. */
  readonly identity: string;
}

/** The key, which stays the same, and what is known of an earlier run. */
export interface Beginning {
  readonly key: KeyObject;
  /** A request of somebody else's making; null: one is made. */
  readonly request: Uint8Array | null;
  readonly leaf: Leaf | null;
  readonly bundle: TrustBundle | null;
  /** The name in the leaf. */
  readonly name: string | null;
}

type CertifierState = 'uncertified' | 'certified' | 'failing' | 'expired';

export class Certifier implements TimerOwner {
  /** Null while nobody has said the trust domain. */
  name: string | null;
  leaf: Leaf | null;
  bundle: TrustBundle | null;
  readonly key: KeyObject;
  /** Why the newest attempt has failed; '' after one that has not. */
  error = '';
  /** When the newest certificate came; null before the first of this run. */
  refreshedWallMs: number | null = null;

  readonly #env: CertifierEnv;
  readonly #settings: CertifierSettings;
  readonly #wake = new Timer(this, WAKE);
  readonly #wait = new Timer(this, WAIT);
  #request: Uint8Array | null;
  #hints = noHints;
  #fileAnchors: TrustBundle | null = null;
  #dueMs = 0;
  #dueWallMs = 0;
  #failures = 0;
  #wantedIssuer = '';
  #reissues = 0;
  #asking = false;
  #askAgain = false;
  #toldExpired = false;
  #closed = false;

  constructor(env: CertifierEnv, settings: CertifierSettings, beginning: Beginning) {
    this.#env = env;
    this.#settings = settings;
    this.key = beginning.key;
    this.name = beginning.name ?? completeName(settings.identity, '');
    this.leaf = beginning.leaf;
    this.bundle = beginning.bundle;
    this.#request = beginning.request;
  }

  get state(): CertifierState {
    if (this.leaf === null) return 'uncertified';
    if (this.#leftMs() <= 0) return 'expired';
    return this.error === '' ? 'certified' : 'failing';
  }

  /** Fingerprints of trust anchors that the token names and that are still to be found. */
  get missingPins(): ReadonlySet<string> {
    const found = this.bundle?.roots.map((root) => root.fingerprint) ?? [];
    return this.#hints.pins.difference(new Set(found));
  }

  /** A trust anchor that the token pins: it joins those in use. */
  addPinned(der: Uint8Array): string {
    const roots = this.bundle?.roots.map((root) => root.der) ?? [];
    return this.offerBundle([...roots, der]);
  }

  /**
   * The token or a file, if they name any trust anchor, names one of those in use. The mesh may
   * have been made anew since an earlier run of this proxy.
   */
  isVouchedFor(): boolean {
    const files = this.#fileAnchors?.roots.map((root) => root.fingerprint) ?? [];
    const vouched = new Set([...this.#hints.pins, ...files]);
    const roots = this.bundle?.roots ?? [];
    return vouched.size === 0 || roots.some((root) => vouched.has(root.fingerprint));
  }

  /** Asks at once, unless an earlier run has left a certificate that is good. */
  start(sources: IdentitySources): void {
    this.#takeSources(sources);
    const leftMs = this.#leftMs();
    if (leftMs > 0) this.#sayCertified('kept on disk');
    else this.#env.timers.arm(this.#wait, identityWaitLogMs);
    if (leftMs > 0 && this.isVouchedFor()) this.#plan(refreshWaitMs(leftMs, this.#settings));
    else void this.#attempt();
  }

  close(): void {
    this.#closed = true;
    this.#env.timers.cancel(this.#wake);
    this.#env.timers.cancel(this.#wait);
  }

  /** Which issuer the leaf should be of; one of another is replaced at once. */
  wantIssuer(fingerprint: string): void {
    const isNew = fingerprint !== this.#wantedIssuer;
    this.#wantedIssuer = fingerprint;
    if (!isNew || this.leaf === null || this.leaf.issuer === fingerprint) return;
    this.#reissues = 0;
    void this.#attempt();
  }

  /** Returns why these trust anchors are not believed, or ''. */
  offerBundle(ders: readonly Uint8Array[]): string {
    const bundle = this.#judgeBundle(ders);
    if (typeof bundle === 'string') return bundle;
    if (bundle.digest === this.bundle?.digest) return '';
    this.bundle = bundle;
    this.#env.log.info('trust anchors have changed', { anchors: bundle.roots.length });
    this.#env.onChange();
    // Peers that have no other anchors refuse it from now on.
    if (this.leaf !== null && !this.#stillHolds(this.leaf)) void this.#attempt();
    return '';
  }

  onTimer(timer: Timer): void {
    if (timer.kind === WAIT) {
      this.#env.timers.arm(this.#wait, identityWaitLogMs);
      const message = 'Waiting for identity to be initialized...';
      this.#env.log.warn(message, this.error === '' ? {} : { reason: this.error });
      return;
    }
    if (this.state === 'expired' && !this.#toldExpired) {
      this.#toldExpired = true;
      const reason = this.error;
      this.#env.log.error('the certificate has expired: peers refuse this proxy', { reason });
    }
    if (this.#asking) {
      this.#armEnd();
      return;
    }
    const { clock } = this.#env;
    const isDue = clock.monotonicMs() >= this.#dueMs || clock.wallMs() >= this.#dueWallMs;
    if (isDue) void this.#attempt();
    else this.#armWake();
  }

  async #attempt(): Promise<void> {
    if (this.#closed) return;
    if (this.#asking) {
      this.#askAgain = true;
      return;
    }
    this.#asking = true;
    this.#askAgain = false;
    this.#armEnd();
    // Nothing that an answer holds may end the process.
    const failure = await this.#certify().catch(
      (error: unknown) => `it went wrong: ${String(error)}`,
    );
    this.#asking = false;
    if (this.#closed) return;
    this.#env.onAnswer(failure === '' ? 'ok' : 'error');
    if (failure === '') this.#succeed();
    else this.#fail(failure);
  }

  /** Returns why not, or ''. */
  async #certify(): Promise<string> {
    const sources = await this.#env.readSources();
    if (this.#closed) return 'closed';
    this.#takeSources(sources);
    const { token, problem } = sources;
    const named = this.#completeName();
    if (named !== '') return problem === '' ? named : problem;
    const held = this.#leftMs() > 0 ? this.leaf : null;
    if (token === '' && held === null) {
      return problem === '' ? 'there is no token: give its file by --identity-token' : problem;
    }
    const name = this.name ?? '';
    this.#request ??= createRequest(name, this.key);
    const answer = await this.#env.certify({
      identity: name,
      token: Buffer.from(token),
      certificateSigningRequest: this.#request,
      heddleLeaf: held?.certificate.der ?? nothing,
    });
    if (this.#closed) return 'closed';
    if (typeof answer === 'string') return answer;
    return this.#take(answer, name);
  }

  #completeName(): string {
    if (this.name !== null) return '';
    this.name = completeName(this.#settings.identity, this.#hints.trustDomain);
    if (this.name === null) {
      const { identity } = this.#settings;
      return (
        `the token names no trust domain for ${identity}: make another with heddle token create, ` +
        'or give the whole name by --identity'
      );
    }
    this.#env.onChange();
    return '';
  }

  /** Trust anchors of a file count until the control plane has told of others. */
  #takeSources({ token, anchors }: IdentitySources): void {
    if (token !== '') this.#hints = readTokenHints(token);
    if (anchors === null) return;
    const isFiles = this.bundle === null || this.bundle.digest === this.#fileAnchors?.digest;
    this.#fileAnchors = anchors;
    if (!isFiles || this.bundle?.digest === anchors.digest) return;
    this.bundle = anchors;
    this.#env.onChange();
  }

  /** What an answer brings is used as a whole or not at all. */
  #take(answer: CertifyResponse, name: string): string {
    const nowWallMs = this.#env.clock.wallMs();
    const { leafCertificate, intermediateCertificates, validUntil, heddleTrustBundle } = answer;
    if (validUntil === null) return 'the answer does not say until when the certificate is valid';
    const untilMs = Number(validUntil.seconds) * 1000;
    if (untilMs <= nowWallMs) return 'the answer is about a certificate that has expired';
    let { bundle } = this;
    if (heddleTrustBundle.length > 0) {
      const offered = this.#judgeBundle(heddleTrustBundle);
      if (typeof offered !== 'string') bundle = offered;
      else if (bundle === null) return offered;
      else this.#env.log.warn('trust anchors are not believed', { reason: offered });
    }
    if (bundle === null) return noAnchors;
    const leaf = checkLeaf({
      leaf: leafCertificate,
      intermediates: intermediateCertificates,
      bundle,
      name,
      key: this.key,
      nowWallMs,
    });
    if (typeof leaf === 'string') return leaf;
    this.leaf = { ...leaf, endMs: Math.min(leaf.endMs, untilMs) };
    this.bundle = bundle;
    return '';
  }

  #judgeBundle(ders: readonly Uint8Array[]): TrustBundle | string {
    const offered = readBundle(ders);
    if (typeof offered === 'string') return offered;
    const known = [...(this.bundle?.roots ?? []), ...(this.#fileAnchors?.roots ?? [])];
    const believed = new Set([...this.#hints.pins, ...known.map((root) => root.fingerprint)]);
    if (offered.roots.some((root) => believed.has(root.fingerprint))) return offered;
    if (believed.size === 0) return noAnchors;
    return 'the control plane has other trust anchors than those that this proxy believes';
  }

  /** Another one should have been asked for by now. */
  #isOutdated(): boolean {
    const { leaf } = this;
    if (leaf === null) return true;
    const isWanted = this.#wantedIssuer === '' || leaf.issuer === this.#wantedIssuer;
    return !isWanted || !this.#stillHolds(leaf);
  }

  #stillHolds({ certificate, chain }: Leaf): boolean {
    const { bundle, name } = this;
    if (bundle === null || name === null) return false;
    const intermediates = chain.slice(1).map(({ der }) => der);
    const nowWallMs = this.#env.clock.wallMs();
    const question = { intermediates, bundle, name, key: this.key, nowWallMs };
    return typeof checkLeaf({ leaf: certificate.der, ...question }) !== 'string';
  }

  #succeed(): void {
    this.error = '';
    this.#failures = 0;
    this.#toldExpired = false;
    this.refreshedWallMs = this.#env.clock.wallMs();
    this.#env.timers.cancel(this.#wait);
    this.#sayCertified('issued');
    this.#env.onChange();
    let waitMs = refreshWaitMs(this.#leftMs(), this.#settings);
    const isWanted = this.#wantedIssuer === '' || this.leaf?.issuer === this.#wantedIssuer;
    this.#reissues = isWanted ? 0 : this.#reissues + 1;
    if (!isWanted) waitMs = Math.min(waitMs, reissueWaitMs(this.#reissues, this.#env.random));
    this.#plan(waitMs);
  }

  #fail(reason: string): void {
    this.error = reason;
    this.#failures += 1;
    const leftMs = this.#leftMs();
    const leftS = Math.max(0, Math.floor(leftMs / 1000));
    this.#env.log.warn('certification has failed', { reason, leftS });
    this.#plan(retryWaitMs(this.#failures, leftMs, this.#settings, this.#env.random));
  }

  #plan(waitMs: number): void {
    const { clock } = this.#env;
    if (this.#askAgain && this.#isOutdated()) {
      void this.#attempt();
      return;
    }
    this.#dueMs = clock.monotonicMs() + waitMs;
    this.#dueWallMs = clock.wallMs() + waitMs;
    this.#armWake();
  }

  /** Timers stand still while a machine sleeps, certificates do not. */
  #armWake(): void {
    const waitMs = Math.max(0, this.#dueMs - this.#env.clock.monotonicMs());
    const leftMs = this.#leftMs();
    const endMs = leftMs > 0 ? leftMs : Number.POSITIVE_INFINITY;
    this.#env.timers.arm(this.#wake, Math.min(waitMs, endMs, identityTickMs));
  }

  /** An answer may take longer than the certificate lasts. */
  #armEnd(): void {
    const leftMs = this.#leftMs();
    if (leftMs > 0) this.#env.timers.arm(this.#wake, Math.min(leftMs, identityTickMs));
    else this.#env.timers.cancel(this.#wake);
  }

  #leftMs(): number {
    return this.leaf === null ? 0 : this.leaf.endMs - this.#env.clock.wallMs();
  }

  #sayCertified(source: string): void {
    const expires = new Date(this.leaf?.endMs ?? 0).toISOString();
    this.#env.log.info('Certified identity', { id: this.name ?? '', expires, source });
  }
}

const WAKE = 0;
const WAIT = 1;
const nothing = new Uint8Array(0);
export const noAnchors =
  'nothing says which trust anchors to believe: ' +
  'take a token that pins them (heddle token create), or give a file by --identity-trust-anchors';
