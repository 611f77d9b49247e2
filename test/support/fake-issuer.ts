/**
 * Who certifies proxies in tests: judges requests as an issuer does, answers as a test wants, and
 * keeps what came. On its own it is a function; attached to a server it is `Identity.Certify` and
 * `Registry.Trust` with the codec of the control plane.
 */

import assert from 'node:assert/strict';
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { CertifyRequestSchema, CertifyResponseSchema } from '../../api/gen/control/identity_pb.ts';
import {
  type TrustRequest,
  TrustRequestSchema,
  TrustResponseSchema,
} from '../../api/gen/control/registry_pb.ts';
import type { CertifyRequest, CertifyResponse } from '../../api/gen/proxy/identity.ts';
import type { GrpcServer } from '../../core/grpc/server.ts';
import { Code, okStatus } from '../../core/grpc/status.ts';
import { readElements } from '../../core/identity/der.ts';
import { type Certificate, makeIssuer, makeLeaf, makeRoot } from './certificates.ts';

/** A stream of trust that is open. */
interface FakeTrust {
  readonly said: TrustRequest[];
  readonly send: (roots: readonly Certificate[], issuer: string) => void;
}

export class FakeIssuer {
  root: Certificate;
  issuer: Certificate;
  /** What answers and streams of trust carry; none: as Linkerd's. */
  bundle: readonly Certificate[];
  lifetimeMs = 86_400_000;
  /** A text refuses. */
  refuse = '';
  /** Without an answer. */
  silent = false;
  /** Changes what is answered. */
  bend: (answer: CertifyResponse) => CertifyResponse = (answer) => answer;
  readonly requests: CertifyRequest[] = [];
  readonly trusts = new Set<FakeTrust>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
    this.root = this.makeRoot();
    this.issuer = this.makeIssuer();
    this.bundle = [this.root];
  }

  makeRoot(): Certificate {
    const now = this.#nowMs();
    return makeRoot({ notBefore: now - 60_000, notAfter: now + 365 * 86_400_000 });
  }

  makeIssuer(root = this.root): Certificate {
    const now = this.#nowMs();
    return makeIssuer(root, { notBefore: now - 60_000, notAfter: now + 30 * 86_400_000 });
  }

  /** A string is why not. */
  answer(request: CertifyRequest): CertifyResponse | string {
    this.requests.push(request);
    if (this.refuse !== '') return this.refuse;
    const now = this.#nowMs();
    const notAfter = Math.floor((now + this.lifetimeMs) / 1000) * 1000;
    const key = readRequest(Buffer.from(request.certificateSigningRequest));
    const shape = { key, notBefore: now - 20_000, notAfter };
    const leaf = makeLeaf(this.issuer, request.identity, shape);
    return this.bend({
      leafCertificate: leaf.der,
      intermediateCertificates: [this.issuer.der],
      validUntil: { seconds: BigInt(notAfter / 1000), nanos: 0 },
      heddleTrustBundle: this.bundle.map(({ der }) => der),
    });
  }

  /** To all streams that are open. */
  tell(issuer: string): void {
    for (const trust of this.trusts) trust.send(this.bundle, issuer);
  }

  attach(server: GrpcServer): void {
    this.attachCertify(server);
    this.#attachTrust(server);
  }

  /** Without the stream of trust, which Heddle alone knows. */
  attachCertify(server: GrpcServer): void {
    server.handle(describe('io.linkerd.proxy.identity.Identity/Certify'), (call) => {
      call.onMessage = (bytes) => {
        const answer = this.answer(fromBinary(CertifyRequestSchema, bytes));
        if (this.silent) return;
        if (typeof answer === 'string') {
          call.end({ code: Code.FAILED_PRECONDITION, message: answer });
          return;
        }
        const { $typeName: _, ...fields } = create(CertifyResponseSchema);
        const message = create(CertifyResponseSchema, {
          ...fields,
          leafCertificate: Buffer.from(answer.leafCertificate),
          intermediateCertificates: answer.intermediateCertificates.map((one) => Buffer.from(one)),
          heddleTrustBundle: answer.heddleTrustBundle.map((one) => Buffer.from(one)),
        });
        const { validUntil } = answer;
        if (validUntil !== null) {
          message.validUntil = { $typeName: 'google.protobuf.Timestamp', ...validUntil };
        }
        call.send(toBinary(CertifyResponseSchema, message));
        call.end(okStatus);
      };
    });
  }

  #attachTrust(server: GrpcServer): void {
    server.handle(describe('heddle.registry.v1.Registry/Trust'), (call) => {
      const trust: FakeTrust = {
        said: [],
        send: (roots, issuer) => {
          const trustBundle = roots.map(({ der }) => new Uint8Array(der));
          const message = create(TrustResponseSchema, { trustBundle, issuer });
          call.send(toBinary(TrustResponseSchema, message));
        },
      };
      this.trusts.add(trust);
      call.onMessage = (bytes) => {
        trust.said.push(fromBinary(TrustRequestSchema, bytes));
        if (trust.said.length === 1) trust.send(this.bundle, '');
      };
      call.onCancel = () => this.trusts.delete(trust);
      call.onHalfClose = () => {
        this.trusts.delete(trust);
        call.end(okStatus);
      };
    });
  }
}

/** The key of a request that its own signature is good for. */
function readRequest(der: Buffer): KeyObject {
  const [whole] = readElements(der, 0, der.length, 1) ?? [];
  const [info, , signature] = readElements(der, whole.start, whole.end, 3) ?? [];
  const fields = readElements(der, info.start, info.end, 4) ?? [];
  const key = createPublicKey({
    key: der.subarray(fields[1].end, fields[2].end),
    format: 'der',
    type: 'spki',
  });
  const signed = der.subarray(whole.start, info.end);
  assert.ok(verify('sha256', signed, key, der.subarray(signature.start + 1, signature.end)));
  return key;
}

function describe(name: string) {
  return { path: `/${name}`, request: bytesCodec, response: bytesCodec };
}

const bytesCodec = {
  encode: (bytes: Uint8Array) => bytes,
  decode: (bytes: Uint8Array) => bytes,
};
