/**
 * Identity.Certify: a proxy shows who it is and gets a leaf for its key. What is asked is judged in
 * Linkerd's order. Thousands may ask at once: they wait in a queue, take turns, and leave room for
 * other work.
 */

import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  type CertifyRequest,
  type CertifyResponse,
  CertifyResponseSchema,
} from '../../api/gen/control/identity_pb.ts';
import {
  certifyPerPeerMax,
  certifyQueueMax,
  certifyReviewsMax,
  certifySliceMs,
} from '../../core/base/certificate-limits.ts';
import type { Clock } from '../../core/base/clock.ts';
import type { ServerCall } from '../../core/grpc/server-call.ts';
import { Code, okStatus, type Status } from '../../core/grpc/status.ts';
import type { Authority } from '../issuer/authority.ts';
import type { AuthorityView } from '../issuer/authority-view.ts';
import { isOwnLeaf, refuseNames } from '../issuer/check-request.ts';
import {
  controlIdentity,
  parseWorkloadIdentity,
  spiffeId,
  type WorkloadName,
} from '../issuer/identity-name.ts';
import { type CertificateRequest, readRequest } from '../issuer/read-request.ts';
import type { Review, TokenReviewer } from '../issuer/review-token.ts';
import { issueLeaf, type Signer } from '../issuer/signer.ts';
import { FairQueue } from './fair-queue.ts';
import { identityCertify } from './methods.ts';
import type { ControlMetrics } from './metrics.ts';
import type { Streams } from './streams.ts';

type Call = ServerCall<CertifyRequest, CertifyResponse>;

interface IdentityEnv {
  readonly authority: Authority;
  readonly reviewer: TokenReviewer;
  /** Leaves say who they are for in SPIFFE's form as well. */
  readonly spiffe: boolean;
  readonly streams: Streams;
  readonly metrics: ControlMetrics;
  readonly clock: Clock;
  /** Runs it when the events that are under way are over. */
  readonly soon: (run: () => void) => void;
}

/** Why not: for the metric, and for the proxy. */
type Refused = readonly [result: string, code: Status['code'], message: string];

interface Asked {
  readonly identity: string;
  readonly name: WorkloadName;
  readonly request: CertificateRequest;
}

export class IdentityService {
  readonly #env: IdentityEnv;
  readonly #queue = new FairQueue<readonly [Call, CertifyRequest]>(
    certifyQueueMax,
    certifyPerPeerMax,
  );
  #isRunning = false;
  #reviewing = 0;
  #isOver: Status | null = null;

  constructor(env: IdentityEnv) {
    this.#env = env;
    env.streams.serve(identityCertify, (call, request) => this.#enter(call, request));
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /** Ends all that wait, and those that come. */
  end(status: Status): void {
    this.#isOver = status;
    for (let next = this.#queue.shift(); next !== null; next = this.#queue.shift()) {
      next[0].end(status);
    }
  }

  #enter(call: Call, request: CertifyRequest): void {
    if (this.#isOver !== null) {
      call.end(this.#isOver);
      return;
    }
    const full = this.#queue.push(call.peer, [call, request]);
    if (full === null) this.#runSoon();
    else if (full === 'peer') this.#refuse(call, tooManyOfPeer);
    else this.#refuse(call, tooMany);
  }

  #runSoon(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#env.soon(() => this.#run());
  }

  /** For some milliseconds; what is left has its turn after other events. */
  #run(): void {
    const { clock } = this.#env;
    const startMs = clock.monotonicMs();
    this.#isRunning = false;
    while (this.#reviewing < certifyReviewsMax) {
      const next = this.#queue.shift();
      if (next === null) return;
      if (!next[0].isOver) this.#certify(...next);
      if (clock.monotonicMs() - startMs < certifySliceMs) continue;
      this.#runSoon();
      return;
    }
  }

  #certify(call: Call, message: CertifyRequest): void {
    this.#guard(call, () => {
      const view = this.#env.authority.current();
      const asked = this.#judge(view, message);
      if ('refused' in asked) {
        this.#refuse(call, asked.refused);
        return;
      }
      const right = this.#rightOf(view, asked, message);
      if (!(right instanceof Promise)) {
        this.#settle(call, asked, right);
        return;
      }
      this.#reviewing += 1;
      const settle = (run: () => void): void => {
        this.#reviewing -= 1;
        this.#guard(call, run);
        this.#runSoon();
      };
      right.then(
        (refused) => settle(() => this.#settle(call, asked, refused)),
        (error: unknown) => settle(() => this.#refuse(call, failed(error))),
      );
    });
  }

  /** Whatever throws is told to the one who asked, and to nobody else. */
  #guard(call: Call, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#refuse(call, failed(error));
    }
  }

  #settle(call: Call, asked: Asked, refused: Refused | null): void {
    if (call.isOver) return;
    if (refused !== null) {
      this.#refuse(call, refused);
      return;
    }
    // It costs as much as a leaf: who has no right to one gets neither.
    if (!asked.request.isSigned()) {
      this.#refuse(call, ['malformed', Code.INVALID_ARGUMENT, notSigned]);
      return;
    }
    // What was reviewed elsewhere may have taken until the issuer is another one.
    const view = this.#env.authority.current();
    if (view.signer === null) this.#refuse(call, notSigning(view));
    else this.#answer(call, view, view.signer, asked);
  }

  /** All but the right to the name. */
  #judge(view: AuthorityView, message: CertifyRequest): Asked | { readonly refused: Refused } {
    const { identity, certificateSigningRequest } = message;
    if (view.issuer === '') {
      const text = `cert issuer not ready yet: ${view.problem || 'it is starting, ask again'}`;
      return { refused: ['issuer', Code.UNAVAILABLE, text] };
    }
    const missing = missingField(message);
    if (missing !== null) return { refused: ['malformed', Code.INVALID_ARGUMENT, missing] };
    const request = readRequest(certificateSigningRequest);
    if (request === null) return { refused: ['malformed', Code.INVALID_ARGUMENT, noRequest] };
    if (view.signer === null) return { refused: notSigning(view) };
    const name = parseWorkloadIdentity(identity, this.#env.authority.trustDomain);
    if (name === null) {
      return { refused: noWorkload(this.#env.authority.trustDomain) };
    }
    // Whoever had it could tell proxies anything.
    if (identity === controlIdentity(this.#env.authority.trustDomain)) {
      return { refused: ['name', Code.FAILED_PRECONDITION, ownName] };
    }
    const otherName = refuseNames(request, identity);
    if (otherName !== null) return { refused: ['name', Code.FAILED_PRECONDITION, otherName] };
    return { identity, name, request };
  }

  /** Why not, or null: by a token, or by the key of a leaf in use, so that tokens may end. */
  #rightOf(
    view: AuthorityView,
    { identity, name, request }: Asked,
    { token, heddleLeaf }: CertifyRequest,
  ): Refused | null | Promise<Refused | null> {
    const nowMs = this.#env.clock.wallMs();
    if (heddleLeaf.length > 0) {
      const current = view.signer === null ? [] : [view.signer.certificate];
      const trusted = { issuers: [...current, ...view.former], anchors: view.anchors, nowMs };
      if (isOwnLeaf(heddleLeaf, identity, request.publicKey, trusted)) return null;
      if (token.length === 0) return ['leaf', Code.FAILED_PRECONDITION, otherLeaf];
    }
    const review = this.#env.reviewer.review(token, nowMs);
    if (!(review instanceof Promise)) return refuseByReview(review, name);
    return review.then((one) => refuseByReview(one, name));
  }

  #answer(
    call: Call,
    view: AuthorityView,
    signer: Signer,
    { name, request, identity }: Asked,
  ): void {
    const { authority, spiffe, clock, metrics } = this.#env;
    const { der, notAfterMs } = issueLeaf(signer, {
      identity,
      uri: spiffe ? spiffeId(name, authority.trustDomain) : null,
      publicKey: request.publicKey,
      nowMs: clock.wallMs(),
      endMs: view.endMs,
    });
    metrics.count('heddle_control_certificates_total', { result: 'issued' });
    call.send(
      create(CertifyResponseSchema, {
        leafCertificate: der,
        intermediateCertificates: view.chain.map((one) => one.der),
        validUntil: timestampFromMs(notAfterMs),
        heddleTrustBundle: view.anchors.map((one) => one.der),
      }),
    );
    call.end(okStatus);
  }

  #refuse(call: Call, [result, code, message]: Refused): void {
    this.#env.metrics.count('heddle_control_certificates_total', { result });
    this.#env.streams.refuse(identityCertify, call, { code, message });
  }
}

function missingField(message: CertifyRequest): string | null {
  if (message.identity === '') return 'identity: there is none';
  if (message.token.length === 0 && message.heddleLeaf.length === 0) {
    return 'token: there is none: make one with heddle token create';
  }
  return message.certificateSigningRequest.length === 0 ? noRequest : null;
}

function refuseByReview(review: Review, name: WorkloadName): Refused | null {
  if ('refuse' in review) {
    const refusal = review.refuse(name);
    return refusal === null ? null : ['token', Code.FAILED_PRECONDITION, refusal];
  }
  return ['token', reviewCodes[review.reason], review.problem];
}

function notSigning({ problem }: AuthorityView): Refused {
  return ['issuer', Code.UNKNOWN, `no leaf can be signed: ${problem}`];
}

function noWorkload(trustDomain: string): Refused {
  const shape = `<service account>.<namespace>.serviceaccount.identity.heddle.${trustDomain}`;
  return ['name', Code.FAILED_PRECONDITION, `identity: expected ${shape}`];
}

function failed(error: unknown): Refused {
  const text = error instanceof Error ? error.message : String(error);
  return ['failed', Code.INTERNAL, `the issuer has failed: ${text}`];
}

const reviewCodes = {
  malformed: Code.INVALID_ARGUMENT,
  unknown: Code.FAILED_PRECONDITION,
  unavailable: Code.INTERNAL,
} as const;
const noRequest = 'certificate_signing_request: expected PKCS#10 in DER';
const notSigned =
  'certificate_signing_request: its signature is not by its key, ' +
  'or the key is none of ECDSA P-256, P-384, P-521, Ed25519 and RSA of 2048 to 4096 bits';
const ownName = "identity: it is the control plane's own name: ask for that of the workload";
const otherLeaf =
  'heddle_leaf: it is no good leaf of this issuer, for this identity and key: send a token';
const tooMany: Refused = [
  'full',
  Code.RESOURCE_EXHAUSTED,
  `${certifyQueueMax} requests wait for a certificate: ask again in some seconds`,
];
const tooManyOfPeer: Refused = [
  'full',
  Code.RESOURCE_EXHAUSTED,
  `${certifyPerPeerMax} requests of this connection wait for a certificate: ask again later`,
];
