/**
 * Who certifies: the issuer that signs leaves now, the trust anchors that proxies should have, and
 * what happens to them as time passes. Proxies are known to it by what they have confirmed alone.
 */

import {
  authorityCheckMs,
  confirmSettleMs,
  phaseMsMin,
} from '../../core/base/certificate-limits.ts';
import type { Clock } from '../../core/base/clock.ts';
import { systemName } from '../../core/base/random.ts';
import type { Certificate } from '../../core/identity/certificate.ts';
import { type AuthorityLog, type AuthorityView, lookAt, tellChange } from './authority-view.ts';
import { bundleDigest, type Problem, sortedBundle } from './certificate.ts';
import type { ExternalIssuer } from './external-issuer.ts';
import type { AuthorityState, IdentityFiles } from './identity-files.ts';
import {
  admitAnchors,
  canSign,
  distributeRoot,
  foundAuthority,
  maintain,
  repairState,
  retireAnchors,
  switchIssuer,
  wantedAnchors,
} from './rotation.ts';
import { createIssuer, refuseSigner } from './signer.ts';
import { WaitingFiles } from './waiting-files.ts';

interface AuthorityEnv {
  readonly clock: Clock;
  readonly log: AuthorityLog;
  readonly files: IdentityFiles;
  readonly trustDomain: string;
  /** Null where roots and issuer are our own. */
  readonly external: ExternalIssuer | Problem | null;
  /** Trust anchors beside those of the issuer. */
  readonly anchors: readonly Certificate[];
}

/** What proxies should have confirmed before a rotation goes on. */
export interface Wanted {
  /** Digest of the bundle. */
  readonly bundle: string;
  /** Fingerprint of the issuer; null where that does not matter yet. */
  readonly issuer: string | null;
}

export class Authority {
  readonly trustDomain: string;
  /** Who holds a rotation up, by name; whoever knows the proxies sets it. */
  unconfirmed: (wanted: Wanted) => readonly string[] = () => [];
  readonly #env: AuthorityEnv;
  readonly #startedMs: number;
  readonly #listeners = new Set<() => void>();
  #external: ExternalIssuer | null = null;
  #externalProblem = '';
  #anchors: readonly Certificate[];
  #state: AuthorityState;
  #problems: readonly string[] = [];
  readonly #waiting: WaitingFiles;
  /** To other control planes, and when. */
  #said = ' 0';
  #saidMs = 0;
  #view: AuthorityView;

  constructor(env: AuthorityEnv) {
    this.#env = env;
    this.trustDomain = env.trustDomain;
    this.#startedMs = env.clock.monotonicMs();
    this.#anchors = env.anchors;
    this.#waiting = new WaitingFiles(env.files.folder, systemName());
    this.#takeExternal(env.external);
    const loaded = env.files.load();
    this.#state = loaded.state;
    this.#problems = loaded.problems;
    this.#view = this.#look();
    const found = this.#view.problem;
    this.check();
    // What has become of it meanwhile is told as a change.
    if (found === '' || this.#view.problem !== found) return;
    env.log.warn('certificates need a look', { problem: found });
  }

  get view(): AuthorityView {
    return this.#view;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Time has passed, the files have changed, or a proxy has confirmed: does what is due. */
  check(): void {
    const nowMs = this.#nowMs();
    // Files are touched when something has to change; problems are told anew.
    try {
      const plan = this.#plan(this.#state, nowMs, this.#isFirst());
      if (plan === this.#state) this.#publish(this.#state);
      else this.#change((state, isFirst) => this.#plan(state, nowMs, isFirst));
      this.#tellOthers(nowMs);
    } catch (error) {
      this.#env.log.warn('certificates cannot be looked at', { problem: String(error) });
    }
  }

  close(): void {
    this.#waiting.remove();
  }

  /** Another control plane has changed the files. */
  reload(): void {
    const { state, problems } = this.#env.files.load();
    this.#problems = problems;
    this.#publish({ ...state, issuer: this.#isOwn ? state.issuer : this.#state.issuer });
    this.check();
  }

  /** The folder of the issuer has changed; what is wrong with it leaves the one before in place. */
  setExternal(external: ExternalIssuer | Problem): void {
    this.#takeExternal(external);
    this.check();
  }

  setAnchors(anchors: readonly Certificate[]): void {
    this.#anchors = anchors;
    this.check();
  }

  /** Who has not confirmed what the phase of the rotation waits for, by name. */
  waitingFor(): readonly string[] {
    return this.#waitingFor(this.#state);
  }

  /** Begins to replace the root; or why not, as a sentence. */
  rotate(): string | null {
    if (!this.#isOwn) return foreign;
    const nowMs = this.#nowMs();
    return this.#change((state) => {
      if (state.phase !== 'idle') return underWay;
      if (this.#view.signer === null) return this.#view.problem;
      return distributeRoot(state, this.trustDomain, nowMs);
    });
  }

  /** Begins to replace the issuer below the root that there is; or why not, as a sentence. */
  rotateIssuer(): string | null {
    if (!this.#isOwn) return foreignIssuer;
    const nowMs = this.#nowMs();
    return this.#change((state) => {
      if (state.phase !== 'idle') return underWay;
      if (!canSign(state.root, nowMs)) return this.#view.problem;
      return switchIssuer(
        state,
        state.root,
        createIssuer(state.root, this.trustDomain, nowMs),
        nowMs,
      );
    });
  }

  /** Goes on to the next phase, whoever has not confirmed; or why not, as a sentence. */
  force(): string | null {
    const nowMs = this.#nowMs();
    return this.#change((state) =>
      state.phase === 'idle'
        ? 'no rotation is under way: begin one with heddle identity rotate'
        : this.#advance(state, nowMs),
    );
  }

  /** Makes whole what time or a loss has broken; or why not, as a sentence. */
  repair(): string | null {
    if (!this.#isOwn) return this.#externalProblem === '' ? null : this.#externalProblem;
    const nowMs = this.#nowMs();
    return this.#change((state) => repairState(state, this.#anchors, this.trustDomain, nowMs));
  }

  /** The view once more, after what time has made due: for whoever is about to issue. */
  current(): AuthorityView {
    if (this.#nowMs() >= this.#view.endMs) this.check();
    return this.#view;
  }

  get #isOwn(): boolean {
    return this.#env.external === null;
  }

  #nowMs(): number {
    return this.#env.clock.wallMs();
  }

  #isFirst(): boolean {
    return this.#state.anchors.length === 0 && this.#env.files.load().isFirst;
  }

  #plan(state: AuthorityState, nowMs: number, isFirst: boolean): AuthorityState {
    const next = this.#isOwn
      ? this.#planOwn(state, nowMs, isFirst)
      : this.#planExternal(state, nowMs);
    return this.#canAdvance(next, nowMs) ? this.#advance(next, nowMs) : next;
  }

  #planOwn(state: AuthorityState, nowMs: number, isFirst: boolean): AuthorityState {
    if (isFirst && state.root === null) {
      const found = foundAuthority(state, this.trustDomain, nowMs);
      return admitAnchors(found, wantedAnchors(found, this.#anchors), nowMs);
    }
    return maintain(state, this.#anchors, this.trustDomain, nowMs);
  }

  #planExternal(state: AuthorityState, nowMs: number): AuthorityState {
    const external = this.#external;
    if (external === null) return state;
    const wanted = this.#wanted(state);
    const { certificate } = external.signer;
    if (state.issuer?.certificate.fingerprint === certificate.fingerprint) {
      return admitAnchors(state, wanted, nowMs);
    }
    const usable =
      state.issuer !== null && refuseSigner(state.issuer, state.anchors, nowMs) === null;
    if (usable && refuseSigner(external.signer, state.anchors, nowMs) !== null) {
      // Its root is new to proxies: they get it first.
      if (state.phase === 'distribute') return admitAnchors(state, wanted, nowMs);
      const distributing = { ...state, phase: 'distribute', phaseSinceMs: nowMs } as const;
      return admitAnchors(distributing, wanted, nowMs);
    }
    if (usable && state.phase === 'distribute') return admitAnchors(state, wanted, nowMs);
    const isFirst = state.anchors.length === 0;
    const switched = switchIssuer(state, null, external.signer, nowMs);
    return admitAnchors({ ...switched, phase: isFirst ? 'idle' : 'switch' }, wanted, nowMs);
  }

  /** Whether all have confirmed, and those that are on their way have had the time to. */
  #canAdvance(state: AuthorityState, nowMs: number): boolean {
    if (state.phase === 'idle') return false;
    const upMs = this.#env.clock.monotonicMs() - this.#startedMs;
    if (upMs < confirmSettleMs || nowMs - state.phaseSinceMs < phaseMsMin) return false;
    const isWaiting = this.#waitingFor(state).length > 0;
    return !isWaiting && this.#waiting.others(questionOf(state), nowMs) === 0;
  }

  /** Control planes that share the folder go on together. */
  #tellOthers(nowMs: number): void {
    const { phase } = this.#state;
    const text = phase === 'idle' ? '' : questionOf(this.#state);
    const count = phase === 'idle' ? 0 : this.waitingFor().length;
    const said = `${text} ${count}`;
    const isOld = nowMs - this.#saidMs >= authorityCheckMs;
    if (said === this.#said && (text === '' || !isOld)) return;
    this.#said = said;
    this.#saidMs = nowMs;
    if (text === '') this.#waiting.remove();
    else this.#waiting.write(text, count, nowMs);
  }

  #waitingFor({ anchors, phase, issuer }: AuthorityState): readonly string[] {
    const fingerprint = issuer?.certificate.fingerprint ?? null;
    const bundle = bundleDigest(anchors);
    return this.unconfirmed({ bundle, issuer: phase === 'switch' ? fingerprint : null });
  }

  /** What should be in the bundle when all is at rest. */
  #wanted(state: AuthorityState): readonly Certificate[] {
    return this.#external === null
      ? wantedAnchors(state, this.#anchors)
      : sortedBundle([...this.#external.anchors, ...this.#anchors]);
  }

  #advance(state: AuthorityState, nowMs: number): AuthorityState {
    if (state.phase === 'switch') {
      return retireAnchors(state, this.#wanted(state), nowMs);
    }
    if (this.#external !== null) return switchIssuer(state, null, this.#external.signer, nowMs);
    const { nextRoot } = state;
    if (nextRoot === null) return state;
    const issuer = createIssuer(nextRoot, this.trustDomain, nowMs);
    return switchIssuer(state, nextRoot, issuer, nowMs);
  }

  /** Under the lock, on what the files say by then. */
  #change(
    plan: (state: AuthorityState, isFirst: boolean) => AuthorityState | string,
  ): string | null {
    try {
      const planned = this.#env.files.change<AuthorityState | string>(
        ({ state: loaded, isFirst, problems }) => {
          const state = this.#isOwn ? loaded : { ...loaded, issuer: this.#state.issuer };
          const result = plan(state, isFirst);
          if (typeof result === 'string') return { save: null, result };
          const isSame = result === state;
          this.#problems = isSame ? problems : [];
          return { save: isSame ? null : result, result };
        },
      );
      if (planned === null) return 'another control plane is changing the certificates: try again';
      if (typeof planned === 'string') return planned;
      this.#publish(planned);
      return null;
    } catch (error) {
      const text = `${this.#env.files.folder} cannot be written: ${(error as Error).message}`;
      this.#env.log.warn('certificates cannot be changed', { problem: text });
      return text;
    }
  }

  #publish(state: AuthorityState): void {
    const before = this.#view;
    this.#state = state;
    const view = this.#look();
    const isSame =
      view.problem === before.problem &&
      view.issuer === before.issuer &&
      view.digest === before.digest &&
      view.phase === before.phase;
    if (isSame) return;
    this.#view = view;
    tellChange(this.#env.log, before, view);
    for (const listener of Array.from(this.#listeners)) listener();
  }

  #look(): AuthorityView {
    return lookAt(this.#state, {
      nowMs: this.#nowMs(),
      wanted: this.#wanted(this.#state),
      unread: this.#problems[0] ?? '',
      external: this.#isOwn ? null : this.#externalProblem,
    });
  }

  #takeExternal(external: ExternalIssuer | Problem | null): void {
    if (external === null) return;
    if ('problem' in external) {
      this.#externalProblem = external.problem;
      return;
    }
    const anchors = [...external.anchors, ...this.#anchors];
    const refusal = refuseSigner(external.signer, anchors, this.#nowMs());
    this.#externalProblem =
      refusal === null ? '' : `the issuer of --issuer-dir ${refusal}: put another one there`;
    if (refusal === null) this.#external = external;
  }
}

/** What control planes ask their proxies, each its own. */
function questionOf({ phase, anchors, issuer }: AuthorityState): string {
  return `${phase} ${bundleDigest(anchors)} ${issuer?.certificate.fingerprint ?? ''}`;
}

const underWay = 'a rotation is under way already: see heddle identity status';
const foreignIssuer =
  'the issuer is not ours: put the next one into --issuer-dir, as tls.crt and tls.key';
const foreign =
  'the issuer is not ours: put its new root beside the old one into ca.crt of --issuer-dir, ' +
  'and the new issuer when all proxies have it';
