/**
 * Registry.Trust: proxies hear which trust anchors and which issuer they should be at, and say at
 * which they are. A rotation waits for those who have not said the newest. Who is connected and
 * says nothing at all, because it is no proxy of ours, is named, and holds a rotation up.
 */

import { create } from '@bufbuild/protobuf';
import {
  type TrustRequest,
  type TrustResponse,
  TrustResponseSchema,
} from '../../api/gen/control/registry_pb.ts';
import {
  confirmLookMs,
  confirmSettleMs,
  trustStreamsPerPeerMax,
} from '../../core/base/certificate-limits.ts';
import type { Clock } from '../../core/base/clock.ts';
import { Timer, type TimerWheel } from '../../core/base/timers.ts';
import { frameMessage } from '../../core/grpc/frame.ts';
import type { ServerCall } from '../../core/grpc/server-call.ts';
import { Code, okStatus, type Status } from '../../core/grpc/status.ts';
import { isIdentityName } from '../../core/identity/names.ts';
import type { Authority, Wanted } from '../issuer/authority.ts';
import { registryTrust } from './methods.ts';
import type { Streams } from './streams.ts';

type Call = ServerCall<TrustRequest, TrustResponse>;

interface TrustEnv {
  readonly authority: Authority;
  readonly streams: Streams;
  readonly clock: Clock;
  readonly timers: TimerWheel;
}

/** One stream, and what its proxy has said last. */
interface Confirmer {
  readonly call: Call;
  said: TrustRequest;
  /** Frame that it was told last. */
  told: Buffer | null;
  /** Monotonic, when the stream ended: it may be on its way back. */
  goneMs: number | null;
}

export class TrustService {
  readonly #env: TrustEnv;
  readonly #confirmers = new Set<Confirmer>();
  readonly #byPeer = new Map<string, number>();
  readonly #stop: () => void;
  readonly #look = new Timer({ onTimer: () => this.#env.authority.check() });
  #frame: Buffer;

  constructor(env: TrustEnv) {
    const { authority, streams } = env;
    this.#env = env;
    this.#frame = this.#makeFrame();
    authority.unconfirmed = (wanted) => this.unconfirmed(wanted);
    this.#stop = authority.onChange(() => this.#tellAll());
    streams.serve(registryTrust, (call, first) => this.#open(call, first));
  }

  /** By name, in the order of their coming: who has not confirmed it, or never will. */
  unconfirmed(wanted: Wanted): readonly string[] {
    const { clock, streams } = this.#env;
    const nowMs = clock.monotonicMs();
    const names: string[] = [];
    for (const one of this.#confirmers) {
      const { said, goneMs, call } = one;
      if (goneMs !== null && nowMs - goneMs >= confirmSettleMs) this.#confirmers.delete(one);
      else if (!isConfirmed(said, wanted, clock.wallMs())) names.push(nameOf(said, call.peer));
    }
    for (const { peer, workload, version } of streams.proxies.list()) {
      // One of ours without a stream has no identity, and nothing that a rotation could break.
      if (version === '' && !this.#byPeer.has(peer)) names.push(nameOf({ workload }, peer));
    }
    return names;
  }

  /** Ends all streams. */
  end(status: Status): void {
    this.#stop();
    this.#env.timers.cancel(this.#look);
    for (const { call, goneMs } of Array.from(this.#confirmers)) {
      if (goneMs !== null) continue;
      call.onCancel();
      call.end(status);
    }
  }

  #open(call: Call, first: TrustRequest): void {
    const { streams } = this.#env;
    const isFull = (this.#byPeer.get(call.peer) ?? 0) >= trustStreamsPerPeerMax;
    if (isFull || !isSound(first)) {
      streams.refuse(registryTrust, call, isFull ? tooMany : malformed);
      return;
    }
    const one: Confirmer = { call, said: first, told: null, goneMs: null };
    this.#confirmers.add(one);
    const left = this.#count(call.peer);
    const closed = streams.watched(registryTrust, call.peer, { workload: first.workload });
    streams.proxies.confirmed(call.peer, first);
    call.onCancel = () => {
      call.onCancel = nothing;
      one.goneMs = this.#env.clock.monotonicMs();
      left();
      closed();
    };
    call.onHalfClose = () => this.#leave(call, okStatus);
    call.onDrain = () => this.#tell(one);
    call.onMessage = (said) => {
      if (!isSound(said)) {
        this.#leave(call, malformed);
        return;
      }
      one.said = said;
      streams.proxies.confirmed(call.peer, said);
      this.#checkSoon();
    };
    this.#tell(one);
    this.#checkSoon();
  }

  #leave(call: Call, status: Status): void {
    call.onCancel();
    call.end(status);
  }

  /** Whoever takes nothing is told the newest when it does. */
  #tell(one: Confirmer): void {
    if (one.goneMs !== null || one.told === this.#frame || one.call.congested) return;
    one.told = this.#frame;
    one.call.sendFrame(this.#frame);
  }

  #tellAll(): void {
    const frame = this.#makeFrame();
    if (frame.equals(this.#frame)) return;
    this.#frame = frame;
    for (const one of Array.from(this.#confirmers)) this.#tell(one);
  }

  #makeFrame(): Buffer {
    const { anchors, digest, issuer, signer } = this.#env.authority.view;
    const trustBundle = anchors.map(({ der }) => der);
    // Nobody is sent for a leaf that cannot be had.
    const message = { trustBundle, bundle: digest, issuer: signer === null ? '' : issuer };
    return frameMessage(registryTrust.response, create(TrustResponseSchema, message));
  }

  /** Thousands confirm at once: they are looked at together. */
  #checkSoon(): void {
    const { authority, timers } = this.#env;
    if (!this.#look.armed && authority.view.phase !== 'idle') timers.arm(this.#look, confirmLookMs);
  }

  #count(peer: string): () => void {
    this.#byPeer.set(peer, (this.#byPeer.get(peer) ?? 0) + 1);
    return () => {
      const left = (this.#byPeer.get(peer) ?? 0) - 1;
      if (left > 0) this.#byPeer.set(peer, left);
      else this.#byPeer.delete(peer);
    };
  }
}

/** A proxy without a leaf has nothing that a change of the issuer could break. */
function isConfirmed(said: TrustRequest, { bundle, issuer }: Wanted, nowMs: number): boolean {
  if (said.identity === '' || (said.bundle === '' && said.issuer === '')) return true;
  if (said.bundle !== bundle) return false;
  const hasLeaf = said.issuer !== '' && Number(said.leafExpiresMs) > nowMs;
  return issuer === null || !hasLeaf || said.issuer === issuer;
}

function isSound({ identity, bundle, issuer, workload }: TrustRequest): boolean {
  const isName = identity === '' || isIdentityName(identity);
  const isShort = workload.length <= workloadCharsMax;
  return isName && isShort && digest.test(bundle) && digest.test(issuer);
}

function nameOf(said: { readonly workload: string; readonly identity?: string }, peer: string) {
  const { identity = '', workload } = said;
  const name = identity || (workload.length <= shownCharsMax ? workload : '');
  return name === '' ? peer : `${name} at ${peer}`;
}

function nothing(): undefined {}

const digest = /^(?:[0-9a-f]{64})?$/;
const workloadCharsMax = 4_096;
const shownCharsMax = 256;
const malformed: Status = {
  code: Code.INVALID_ARGUMENT,
  message: 'expected an identity, and digests of 64 hexadecimal digits, or nothing',
};
const tooMany: Status = {
  code: Code.RESOURCE_EXHAUSTED,
  message: `${trustStreamsPerPeerMax} streams of trust are open over this connection: use them`,
};
